import { hostname } from 'node:os';
import { IdentitySessionError, policyPreset, type ConcurrentLoginPolicy } from 'nestjs-identity-session';
import { emailSchema } from '../accounts/email.js';
import { newPasswordSchema } from '../accounts/password.js';
import { ConfigurationProblems } from './configuration-problems.js';
import { EnvironmentReader, type Environment } from './environment-reader.js';
import type { AdministratorConfig, DatabaseConfig, HttpConfig, ServerConfig, SessionConfig } from './server-config.js';
import { readTokenKeys } from './token-keys.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TEN_YEARS = 3_650 * DAY;
/** Node's timers cannot wait longer. */
const LONGEST_TIMER = 2 ** 31 - 1;

const POSTGRES_PROTOCOLS = ['postgres:', 'postgresql:'];

/**
 * The configuration that an environment asks for, with every default.
 * @throws ConfigurationProblems with all that is wrong, before anything has been started
 */
export function readConfig(environment: Environment): ServerConfig {
  const reader = new EnvironmentReader(environment);
  const redisUrl = reader.url('REDIS_URL', ['redis:', 'rediss:']);
  const config: ServerConfig = {
    nodeName: reader.text('NODE_NAME') ?? `${hostname()}:${process.pid}`,
    http: readHttp(reader),
    database: readDatabase(reader),
    redisUrl,
    administrator: readAdministrator(reader),
    session: readSession(reader, redisUrl !== null, environment['NODE_ENV'] === 'production'),
    signInLimit: reader.integer('SIGN_IN_LIMIT', 10, 0, 1_000_000),
  };
  if (reader.problems.length > 0) throw new ConfigurationProblems(reader.problems);
  return deepFreeze(config);
}

function readHttp(reader: EnvironmentReader): HttpConfig {
  return {
    adapter: reader.oneOf('HTTP_ADAPTER', 'express', ['express', 'fastify']),
    host: reader.text('HOST') ?? '127.0.0.1',
    port: reader.integer('PORT', 3_000, 0, 65_535),
    trustProxyHops: reader.integer('TRUST_PROXY_HOPS', 0, 0, 32),
  };
}

function readDatabase(reader: EnvironmentReader): DatabaseConfig {
  const url = reader.url('DATABASE_URL', POSTGRES_PROTOCOLS);
  const directUrl = reader.url('DATABASE_DIRECT_URL', POSTGRES_PROTOCOLS);
  if (directUrl !== null && reader.text('DATABASE_URL') === null) {
    reader.report('DATABASE_DIRECT_URL is of use only with DATABASE_URL; set both or none.');
  }
  return { url, directUrl, dataDir: reader.text('DATA_DIR') ?? '.data' };
}

function readAdministrator(reader: EnvironmentReader): AdministratorConfig {
  const email = emailSchema.nullable().safeParse(reader.text('ADMIN_EMAIL'));
  const password = newPasswordSchema.nullable().safeParse(reader.exact('ADMIN_PASSWORD'));
  if (!email.success) reader.report('ADMIN_EMAIL must be an email address.');
  if (!password.success) reader.report('ADMIN_PASSWORD must have 8 to 256 characters.');
  return { email: email.data ?? null, password: password.data ?? null };
}

function readSession(reader: EnvironmentReader, hasRedis: boolean, inProduction: boolean): SessionConfig {
  const session: SessionConfig = {
    policy: readPolicy(reader),
    idleTimeoutMs: reader.integer('SESSION_IDLE_TIMEOUT_MS', DAY, 1, TEN_YEARS),
    absoluteLifetimeMs: reader.integer('SESSION_ABSOLUTE_LIFETIME_MS', 30 * DAY, 1, TEN_YEARS),
    syncIntervalMs: reader.integer('SESSION_SYNC_INTERVAL_MS', 10 * MINUTE, 1, LONGEST_TIMER),
    idleMarginMs: reader.integer('SESSION_IDLE_MARGIN_MS', 5 * SECOND, 0, LONGEST_TIMER),
    keepAccessMs: reader.integer('SESSION_KEEP_ACCESS_MS', MINUTE, 1, LONGEST_TIMER),
    tailIntervalMs: reader.integer('SESSION_TAIL_INTERVAL_MS', SECOND, 1, LONGEST_TIMER),
    maxStalenessMs: reader.integer('SESSION_MAX_STALENESS_MS', 5 * SECOND, 1, LONGEST_TIMER),
    cleanupIntervalMs: reader.integer('SESSION_CLEANUP_INTERVAL_MS', 10 * MINUTE, 1, LONGEST_TIMER),
    rotationIntervalMs: reader.integer('SESSION_ROTATION_INTERVAL_MS', 0, 0, TEN_YEARS),
    rotationGraceMs: reader.integer('SESSION_ROTATION_GRACE_MS', 30 * SECOND, 0, LONGEST_TIMER),
    cleanup: reader.flag('SESSION_CLEANUP', true),
    secondApprover: reader.flag('SESSION_SECOND_APPROVER', false),
    hints: reader.oneOf('SESSION_HINTS', hasRedis ? 'redis' : 'postgres', ['redis', 'postgres', 'off']),
    tokenKeys: readTokenKeys(reader, 'SESSION_TOKEN_KEYS'),
    allowedOrigins: readOrigins(reader),
    cookieSecure: reader.flag('COOKIE_SECURE', inProduction),
  };
  if (session.hints === 'redis' && reader.text('REDIS_URL') === null) {
    reader.report('SESSION_HINTS is redis, but there is no REDIS_URL; set it, or use postgres or off.');
  }
  reportShortIdleTimeout(reader, session);
  reportRotation(reader, session);
  return session;
}

/** A touch must be able to reach the database before the database takes its session for idle. */
function reportShortIdleTimeout(reader: EnvironmentReader, session: SessionConfig): void {
  const shortest = 2 * session.syncIntervalMs + session.idleMarginMs;
  if (session.idleTimeoutMs >= Math.min(shortest, session.absoluteLifetimeMs)) return;
  reader.report(
    `SESSION_IDLE_TIMEOUT_MS (${session.idleTimeoutMs}) must be at least twice SESSION_SYNC_INTERVAL_MS ` +
      `(${session.syncIntervalMs}) and ${session.idleMarginMs} ms more, here ${shortest}: raise it or lower the interval.`,
  );
}

/** Requests side by side with the one that rotates present the old token; only one old token is known. */
function reportRotation(reader: EnvironmentReader, { rotationIntervalMs, rotationGraceMs }: SessionConfig): void {
  if (rotationIntervalMs === 0) return;
  if (rotationGraceMs < SECOND) {
    reader.report(
      `SESSION_ROTATION_GRACE_MS (${rotationGraceMs}) must be at least ${SECOND} with SESSION_ROTATION_INTERVAL_MS.`,
    );
  }
  if (rotationIntervalMs < rotationGraceMs) {
    reader.report(
      `SESSION_ROTATION_INTERVAL_MS (${rotationIntervalMs}) must be at least SESSION_ROTATION_GRACE_MS ` +
        `(${rotationGraceMs}): raise it, lower the grace, or set 0 to rotate only where rights change.`,
    );
  }
}

function readPolicy(reader: EnvironmentReader): ConcurrentLoginPolicy {
  const limit = reader.integer('CONCURRENT_LOGIN_LIMIT', 1, 1, 1_000_000);
  try {
    return policyPreset(reader.text('CONCURRENT_LOGIN_STRATEGY') ?? 'None', limit);
  } catch (error) {
    if (!(error instanceof IdentitySessionError)) throw error;
    reader.report(`CONCURRENT_LOGIN_STRATEGY: ${error.message}`);
    return [];
  }
}

function readOrigins(reader: EnvironmentReader): readonly string[] {
  const origins = reader.list('ALLOWED_ORIGINS');
  for (const origin of origins) {
    if (!isOrigin(origin)) {
      reader.report(
        `ALLOWED_ORIGINS: "${origin}" is no origin; write it like https://app.example.com, without a path.`,
      );
    }
  }
  return origins;
}

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

function deepFreeze<T>(value: T): T {
  // Bytes cannot be frozen; nobody else holds those of a key.
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
