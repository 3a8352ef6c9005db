import { hostname } from 'node:os';
import { z } from 'zod';
import { lifetimesOfLevel, looserThan } from '../../core/assurance-lifetimes.js';
import { IdentitySessionError } from '../../core/errors.js';
import type { LifetimeRules } from '../../core/expiry.js';
import { type GivenLifetimes, idleProblems, resolveLifetimes } from '../../core/lifetime-rules.js';
import { type ConcurrentLoginPolicy, validatePolicy } from '../../core/policy.js';
import { ASSURANCE_LEVELS, type AssuranceLevel } from '../../core/session.js';
import type { TokenKey } from '../../core/token.js';
import type { SessionStore } from '../../store/session-store.js';
import { LOG_HORIZON_MS } from '../../sync/change-log.js';
import { type ProcessClocks, systemClocks } from '../../sync/node-clock.js';
import type { CredentialExtractor } from '../credential/credential.js';
import { type CrossSiteOptions, isOrigin } from '../csrf/cross-site.js';
import type { DeviceResolver } from '../device/device-resolver.js';
import { type LocationResolver, NoLocationResolver } from '../device/location-resolver.js';
import { DRIFT_REACTIONS, type ResolvedDriftOptions } from '../drift/drift-options.js';
import { agentOf, networkOf } from '../drift/places.js';
import { UserAgentDeviceResolver } from '../device/user-agent-device-resolver.js';
import type { HintKind, IdentitySessionOptions, PolicyResolver, RpcHeadersReader } from './identity-session-options.js';
import { LIFETIMES_SCHEMA, LONGEST_LIFETIME_MS } from './lifetimes-schema.js';

const DAY_MS = 86_400_000;
const SYNC_INTERVAL_MS = 600_000;
/** Fits an idle limit of 15 minutes. */
const SHORT_SYNC_INTERVAL_MS = 300_000;

/** Timers of Node take no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const LEAST_LOG_RETENTION_MS = 2 * LOG_HORIZON_MS;

const ms = (fallback: number, minimum = 1) => z.int().min(minimum).max(LONGEST_TIMER_MS).default(fallback);
const given = <T>() => z.custom<T>((value) => typeof value === 'object' && value !== null).optional();

/** What is in it is the policy's own to check. */
const CONSTRAINT = z.strictObject({
  name: z.string().min(1).optional(),
  scope: z.any(),
  limit: z.union([z.number(), z.record(z.string(), z.number())]),
  whenFull: z.any(),
  exempt: z.custom<() => boolean>((value) => typeof value === 'function').optional(),
});

const REDIS = z.strictObject({
  url: z.string().refine(isRedisUrl, 'must be a URL that begins with redis://, rediss:// or unix://'),
  namespace: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, colons, hyphens or underscores')
    .default('identity-session'),
  deadlineMs: ms(100),
});

/** Unknown keys are refused: a misspelt limit must not become no limit. */
const OPTIONS = z.strictObject({
  policy: z.union([z.array(CONSTRAINT), z.custom<PolicyResolver>((value) => typeof value === 'function')]).default([]),
  lifetimes: LIFETIMES_SCHEMA.prefault({}),
  assuranceLevel: z.enum(ASSURANCE_LEVELS as readonly [AssuranceLevel, ...AssuranceLevel[]]).optional(),
  endOthersMaxAgeMs: z.int().min(0).max(LONGEST_LIFETIME_MS).default(0),
  syncIntervalMs: z.int().min(1).max(LONGEST_TIMER_MS).optional(),
  keepAccessMs: ms(60_000),
  idleMarginMs: ms(5_000, 0),
  maxStalenessMs: ms(5_000),
  refusalMs: z.int().min(0).max(1_000).default(5),
  strict: z.boolean().default(false),
  tailIntervalMs: ms(1_000),
  hints: z.enum(['postgres', 'redis', 'in-process', 'off']).optional(),
  redis: REDIS.optional(),
  sharedCache: z.boolean().optional(),
  directUrl: z.string().min(1).optional(),
  storeDeadlineMs: ms(5_000),
  tokenKeys: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[A-Za-z0-9]{1,16}$/, 'must be 1 to 16 letters and digits'),
        secret: z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length >= 32, {
          message: 'must have at least 32 bytes',
        }),
      }),
    )
    .refine((keys) => new Set(keys.map((key) => key.id)).size === keys.length, 'must each have an id of their own')
    .default([]),
  rotation: z
    .strictObject({
      intervalMs: z.int().min(0).max(LONGEST_LIFETIME_MS).default(0),
      graceMs: ms(30_000, 0),
      onReuse: z.enum(['revoke', 'refuse']).default('revoke'),
    })
    .prefault({}),
  cookie: z
    .strictObject({
      name: z.string().optional(),
      secure: z.boolean().default(true),
      sameSite: z.enum(['lax', 'strict']).default('lax'),
    })
    .prefault({}),
  csrf: z
    .strictObject({
      enabled: z.boolean().default(true),
      allowedOrigins: z
        .array(z.string().refine(isOrigin, 'must be an origin like https://app.example.com, without a path'))
        .default([]),
      allowSameSite: z.boolean().default(false),
    })
    .prefault({}),
  drift: z
    .strictObject({
      address: z.enum(DRIFT_REACTIONS).default('ignore'),
      userAgent: z.enum(DRIFT_REACTIONS).default('record'),
      networkOf: z.custom<(address: string) => string>((value) => typeof value === 'function').default(() => networkOf),
      agentOf: z.custom<(userAgent: string) => string>((value) => typeof value === 'function').default(() => agentOf),
    })
    .prefault({}),
  trustProxyHops: z.int().min(0).max(32).default(0),
  nodeName: z.string().min(1).max(255).optional(),
  cache: z
    .strictObject({ maxSessions: z.int().min(1).default(100_000), maxBytes: z.int().min(1).default(268_435_456) })
    .prefault({}),
  warmUp: z.strictObject({ sessions: z.int().min(0).default(0), withinMs: ms(5_000) }).prefault({}),
  logRetentionMs: z
    .int()
    .min(LEAST_LOG_RETENTION_MS, `must be at least ${LEAST_LOG_RETENTION_MS}: nodes read the log up to an hour later`)
    .max(LONGEST_LIFETIME_MS)
    .default(90 * DAY_MS),
  cleanup: z
    .strictObject({
      enabled: z.boolean().default(true),
      intervalMs: ms(600_000),
      retentionMs: z
        .int()
        .min(LEAST_LOG_RETENTION_MS, `must be at least ${LEAST_LOG_RETENTION_MS}: nodes may still know the session`)
        .max(LONGEST_LIFETIME_MS)
        .default(90 * DAY_MS),
      inactiveAfterMs: z.int().min(1).max(LONGEST_LIFETIME_MS).optional(),
      scrubAddressesAfterMs: z.int().min(0).max(LONGEST_LIFETIME_MS).optional(),
      scrubLiveAddresses: z.boolean().default(false),
    })
    .prefault({}),
  questionLifetimeMs: ms(120_000),
  migrate: z.boolean().default(true),
  store: given<SessionStore>(),
  extractors: z.array(z.custom<CredentialExtractor>((value) => typeof value === 'object' && value !== null)).optional(),
  rpcHeaders: z.custom<RpcHeadersReader>((value) => typeof value === 'function').optional(),
  deviceResolver: given<DeviceResolver>(),
  locationResolver: given<LocationResolver>(),
  clocks: given<ProcessClocks>(),
});

/** The options as the module uses them: complete, checked, frozen. */
export interface ResolvedOptions {
  readonly policy: ConcurrentLoginPolicy | PolicyResolver;
  readonly lifetimes: LifetimeRules;
  readonly assuranceLevel?: AssuranceLevel | undefined;
  /** The same before defaults: what stored settings are laid over. */
  readonly givenLifetimes: GivenLifetimes;
  /** What works, but should not be so; to be told at start. */
  readonly warnings: readonly string[];
  readonly endOthersMaxAgeMs: number;
  readonly syncIntervalMs: number;
  readonly keepAccessMs: number;
  readonly idleMarginMs: number;
  readonly maxStalenessMs: number;
  readonly refusalMs: number;
  readonly strict: boolean;
  readonly tailIntervalMs: number;
  readonly hints: HintKind;
  readonly redis: { readonly url: string; readonly namespace: string; readonly deadlineMs: number } | undefined;
  readonly sharedCache: boolean;
  readonly directUrl: string | undefined;
  readonly storeDeadlineMs: number;
  readonly tokenKeys: readonly TokenKey[];
  readonly rotation: {
    /** 0: tokens are not rotated by the clock. */
    readonly intervalMs: number;
    readonly graceMs: number;
    readonly onReuse: 'revoke' | 'refuse';
  };
  readonly cookie: {
    readonly name?: string | undefined;
    readonly secure: boolean;
    readonly sameSite: 'lax' | 'strict';
  };
  readonly csrf: CrossSiteOptions;
  readonly drift: ResolvedDriftOptions;
  readonly trustProxyHops: number;
  readonly nodeName: string;
  readonly cache: { readonly maxSessions: number; readonly maxBytes: number };
  readonly warmUp: { readonly sessions: number; readonly withinMs: number };
  readonly logRetentionMs: number;
  readonly cleanup: {
    readonly enabled: boolean;
    readonly intervalMs: number;
    readonly retentionMs: number;
    readonly inactiveAfterMs?: number | undefined;
    readonly scrubAddressesAfterMs?: number | undefined;
    readonly scrubLiveAddresses: boolean;
  };
  readonly questionLifetimeMs: number;
  readonly migrate: boolean;
  readonly store: SessionStore | undefined;
  readonly extractors: readonly CredentialExtractor[] | undefined;
  readonly rpcHeaders: RpcHeadersReader | undefined;
  readonly deviceResolver: DeviceResolver;
  readonly locationResolver: LocationResolver;
  readonly clocks: ProcessClocks;
}

/**
 * Fills in defaults and refuses what cannot work, before anything starts.
 * @throws IdentitySessionError `CONFIGURATION_INVALID`, naming every problem and its remedy
 */
export function resolveOptions(options: IdentitySessionOptions): ResolvedOptions {
  const parsed = OPTIONS.safeParse(options);
  if (!parsed.success) {
    throw invalid(parsed.error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`));
  }
  const { data } = parsed;
  const policy = typeof data.policy === 'function' ? data.policy : validatePolicy(data.policy as ConcurrentLoginPolicy);
  const level = data.assuranceLevel;
  const givenLifetimes = level === undefined ? data.lifetimes : lifetimesOfLevel(data.lifetimes, level);
  const lifetimes = resolveLifetimes(givenLifetimes);
  const syncIntervalMs = data.syncIntervalMs ?? (level === 'aal3' ? SHORT_SYNC_INTERVAL_MS : SYNC_INTERVAL_MS);
  const problems = [
    ...idleProblems(lifetimes, syncIntervalMs, data.idleMarginMs),
    ...redisProblems(data),
    ...cleanupProblems(data.cleanup, 2 * syncIntervalMs + data.idleMarginMs),
    ...rotationProblems(data.rotation),
    ...warmUpProblems(data),
  ];
  if (problems.length > 0) throw invalid(problems);
  const deviceResolver: DeviceResolver = data.deviceResolver ?? new UserAgentDeviceResolver();
  return Object.freeze({
    ...data,
    policy,
    lifetimes,
    givenLifetimes,
    syncIntervalMs,
    warnings: looserThan(level ?? 'aal1', lifetimes),
    nodeName: data.nodeName ?? `${hostname()}:${process.pid}`,
    hints: data.hints ?? (data.redis === undefined ? 'postgres' : 'redis'),
    redis: data.redis,
    sharedCache: data.sharedCache ?? data.redis !== undefined,
    directUrl: data.directUrl,
    store: data.store,
    extractors: data.extractors,
    rpcHeaders: data.rpcHeaders,
    deviceResolver,
    locationResolver: data.locationResolver ?? new NoLocationResolver(),
    clocks: data.clocks ?? systemClocks,
  });
}

function cleanupProblems(
  { inactiveAfterMs, scrubAddressesAfterMs, scrubLiveAddresses }: ResolvedOptions['cleanup'],
  leastIdleMs: number,
): string[] {
  return [
    ...(inactiveAfterMs !== undefined && inactiveAfterMs < leastIdleMs
      ? [
          `cleanup.inactiveAfterMs is ${inactiveAfterMs}, but must be at least 2 × syncIntervalMs + idleMarginMs = ` +
            `${leastIdleMs}: accesses are in the database that late`,
        ]
      : []),
    ...(scrubLiveAddresses && scrubAddressesAfterMs === undefined
      ? ['cleanup.scrubLiveAddresses is true, but nothing says when; give cleanup.scrubAddressesAfterMs']
      : []),
  ];
}

function redisProblems({ redis, hints, sharedCache }: z.infer<typeof OPTIONS>): string[] {
  if (redis !== undefined) return [];
  return [
    ...(hints === 'redis'
      ? ['hints is redis, but there is no redis; give redis: { url }, or use postgres or off']
      : []),
    ...(sharedCache === true ? ['sharedCache is true, but there is no redis; give redis: { url }'] : []),
  ];
}

function isRedisUrl(text: string): boolean {
  return /^(rediss?|unix):\/\/./.test(text) && (text.startsWith('unix:') || URL.canParse(text));
}

/** Requests that run side by side with the one that rotates present the old token. */
const SHORTEST_GRACE_MS = 1_000;

function rotationProblems({ intervalMs, graceMs }: ResolvedOptions['rotation']): string[] {
  if (intervalMs === 0) return [];
  const problems: string[] = [];
  if (graceMs < SHORTEST_GRACE_MS) {
    problems.push(
      `rotation.graceMs is ${graceMs}, but must be at least ${SHORTEST_GRACE_MS} where tokens are rotated: requests ` +
        'that are on their way would count as theft',
    );
  }
  if (intervalMs < graceMs) {
    problems.push(
      `rotation.intervalMs is ${intervalMs}, but must be at least rotation.graceMs (${graceMs}): only one token before ` +
        'the current one is known',
    );
  }
  return problems;
}

function warmUpProblems({ warmUp: { sessions }, cache: { maxSessions } }: z.infer<typeof OPTIONS>): string[] {
  if (sessions <= maxSessions) return [];
  return [
    `warmUp.sessions is ${sessions}, but memory holds cache.maxSessions (${maxSessions}); lower it or raise that`,
  ];
}

function invalid(problems: readonly string[]): IdentitySessionError {
  return new IdentitySessionError(
    'CONFIGURATION_INVALID',
    `The options of IdentitySessionModule are not valid:\n${problems.map((problem) => `- ${problem}`).join('\n')}`,
  );
}
