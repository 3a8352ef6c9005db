import { describe, expect, it } from '@jest/globals';
import { ConfigurationProblems } from './configuration-problems.js';
import { readConfig } from './read-config.js';
import type { Environment } from './environment-reader.js';

const SECRET = 'ab'.repeat(32);

function problemsOf(environment: Environment): readonly string[] {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigurationProblems) return error.problems;
    throw error;
  }
  return [];
}

describe('readConfig', () => {
  it('has a default for everything', () => {
    const config = readConfig({});
    expect(config).toEqual({
      nodeName: expect.stringMatching(/:\d+$/),
      http: { adapter: 'express', host: '127.0.0.1', port: 3_000, trustProxyHops: 0 },
      database: { url: null, directUrl: null, dataDir: '.data' },
      redisUrl: null,
      administrator: { email: null, password: null },
      session: {
        policy: [],
        idleTimeoutMs: 86_400_000,
        absoluteLifetimeMs: 2_592_000_000,
        syncIntervalMs: 600_000,
        idleMarginMs: 5_000,
        keepAccessMs: 60_000,
        tailIntervalMs: 1_000,
        maxStalenessMs: 5_000,
        cleanupIntervalMs: 600_000,
        rotationIntervalMs: 0,
        rotationGraceMs: 30_000,
        cleanup: true,
        secondApprover: false,
        hints: 'postgres',
        tokenKeys: [],
        allowedOrigins: [],
        cookieSecure: false,
      },
      signInLimit: 10,
    });
  });

  it('reads every variable', () => {
    const config = readConfig({
      PORT: '0',
      HOST: '::1',
      NODE_NAME: 'a',
      HTTP_ADAPTER: 'fastify',
      DATABASE_URL: 'postgresql://u:p@pooler/db',
      DATABASE_DIRECT_URL: 'postgres://u:p@db/db',
      DATA_DIR: '/data',
      REDIS_URL: 'rediss://cache',
      SESSION_HINTS: 'off',
      ADMIN_EMAIL: ' Ops@Example.com ',
      ADMIN_PASSWORD: ' eight  8 ',
      CONCURRENT_LOGIN_STRATEGY: 'RejectNew',
      CONCURRENT_LOGIN_LIMIT: '3',
      SESSION_IDLE_TIMEOUT_MS: '2000',
      SESSION_ABSOLUTE_LIFETIME_MS: '4000',
      SESSION_SYNC_INTERVAL_MS: '900',
      SESSION_IDLE_MARGIN_MS: '200',
      SESSION_KEEP_ACCESS_MS: '300',
      SESSION_TAIL_INTERVAL_MS: '50',
      SESSION_MAX_STALENESS_MS: '400',
      SESSION_CLEANUP_INTERVAL_MS: '500',
      SESSION_ROTATION_INTERVAL_MS: '60000',
      SESSION_ROTATION_GRACE_MS: '1000',
      SESSION_CLEANUP: 'off',
      SESSION_SECOND_APPROVER: 'on',
      SESSION_TOKEN_KEYS: `k2:${SECRET},k1:${Buffer.alloc(33, 7).toString('base64url')}`,
      TRUST_PROXY_HOPS: '2',
      ALLOWED_ORIGINS: 'https://app.example.com, http://localhost:5173',
      COOKIE_SECURE: 'true',
      SIGN_IN_LIMIT: '0',
    });
    expect(config).toEqual({
      nodeName: 'a',
      http: { adapter: 'fastify', host: '::1', port: 0, trustProxyHops: 2 },
      database: { url: 'postgresql://u:p@pooler/db', directUrl: 'postgres://u:p@db/db', dataDir: '/data' },
      redisUrl: 'rediss://cache',
      administrator: { email: 'Ops@Example.com', password: ' eight  8 ' },
      session: {
        policy: [{ scope: 'subject', limit: 3, whenFull: 'reject' }],
        idleTimeoutMs: 2_000,
        absoluteLifetimeMs: 4_000,
        syncIntervalMs: 900,
        idleMarginMs: 200,
        keepAccessMs: 300,
        tailIntervalMs: 50,
        maxStalenessMs: 400,
        cleanupIntervalMs: 500,
        rotationIntervalMs: 60_000,
        rotationGraceMs: 1_000,
        cleanup: false,
        secondApprover: true,
        hints: 'off',
        tokenKeys: [
          { id: 'k2', secret: Buffer.from(SECRET, 'hex') },
          { id: 'k1', secret: Buffer.alloc(33, 7) },
        ],
        allowedOrigins: ['https://app.example.com', 'http://localhost:5173'],
        cookieSecure: true,
      },
      signInLimit: 0,
    });
  });

  it('takes a variable that is set to nothing for absent', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: ' ', ADMIN_PASSWORD: '' })).toMatchObject({
      http: { port: 3_000 },
      database: { url: null },
      administrator: { password: null },
    });
  });

  it('sends secure cookies and takes Redis for hints where it should', () => {
    expect(readConfig({ NODE_ENV: 'production', REDIS_URL: 'redis://cache' }).session).toMatchObject({
      cookieSecure: true,
      hints: 'redis',
    });
    expect(readConfig({ NODE_ENV: 'production', COOKIE_SECURE: 'false' }).session.cookieSecure).toBe(false);
  });

  it('refuses a rotation that would take requests on their way for theft', () => {
    const refusal = (environment: Record<string, string>) => () => readConfig(environment);
    expect(refusal({ SESSION_ROTATION_INTERVAL_MS: '20000' })).toThrow('SESSION_ROTATION_INTERVAL_MS (20000)');
    expect(refusal({ SESSION_ROTATION_INTERVAL_MS: '20000', SESSION_ROTATION_GRACE_MS: '0' })).toThrow('at least 1000');
    expect(refusal({ SESSION_ROTATION_GRACE_MS: '0' })).not.toThrow();
  });

  it('is frozen all through', () => {
    const config = readConfig({ SESSION_TOKEN_KEYS: `a:${SECRET}` });
    for (const part of [config, config.http, config.session, config.session.tokenKeys, config.session.tokenKeys[0]]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it('names every problem at once', () => {
    const problems = problemsOf({
      PORT: '70000',
      HTTP_ADAPTER: 'koa',
      CONCURRENT_LOGIN_STRATEGY: 'OnlyOne',
      ADMIN_EMAIL: 'nobody',
      COOKIE_SECURE: 'perhaps',
    });
    expect(problems).toEqual([
      expect.stringMatching(/^HTTP_ADAPTER .*express, fastify.*"koa"/),
      expect.stringMatching(/^PORT .*0 to 65535.*"70000"/),
      expect.stringMatching(/^ADMIN_EMAIL /),
      expect.stringMatching(/^CONCURRENT_LOGIN_STRATEGY.*RejectNew/),
      expect.stringMatching(/^COOKIE_SECURE .*true/),
    ]);
  });

  it.each<[string, Environment, RegExp]>([
    ['a fraction', { SIGN_IN_LIMIT: '1.5' }, /^SIGN_IN_LIMIT /],
    ['a negative number', { SESSION_SYNC_INTERVAL_MS: '-1' }, /^SESSION_SYNC_INTERVAL_MS /],
    ['a huge number', { CONCURRENT_LOGIN_LIMIT: '9'.repeat(40) }, /^CONCURRENT_LOGIN_LIMIT /],
    ['a limit of 0', { CONCURRENT_LOGIN_LIMIT: '0' }, /^CONCURRENT_LOGIN_LIMIT /],
    ['another database', { DATABASE_URL: 'mysql://db' }, /^DATABASE_URL .*postgres:/],
    ['a direct URL alone', { DATABASE_DIRECT_URL: 'postgres://db/x' }, /^DATABASE_DIRECT_URL .*DATABASE_URL/],
    ['Redis hints without Redis', { SESSION_HINTS: 'redis' }, /^SESSION_HINTS .*REDIS_URL/],
    ['an origin with a path', { ALLOWED_ORIGINS: 'https://app.example.com/' }, /^ALLOWED_ORIGINS.*no origin/],
    ['the origin null', { ALLOWED_ORIGINS: 'null' }, /^ALLOWED_ORIGINS/],
    ['any origin', { ALLOWED_ORIGINS: '*' }, /^ALLOWED_ORIGINS/],
    ['a short password', { ADMIN_PASSWORD: 'short' }, /^ADMIN_PASSWORD .*8 to 256/],
    ['a key without id', { SESSION_TOKEN_KEYS: SECRET }, /^SESSION_TOKEN_KEYS: key 1 .*id:secret/],
    ['a short key', { SESSION_TOKEN_KEYS: 'a:abcd' }, /^SESSION_TOKEN_KEYS.*"a".*32 bytes/],
    ['a key twice', { SESSION_TOKEN_KEYS: `a:${SECRET},a:${SECRET}` }, /^SESSION_TOKEN_KEYS.*twice/],
    ['a key of other characters', { SESSION_TOKEN_KEYS: `a:${'+/'.repeat(40)}` }, /^SESSION_TOKEN_KEYS.*32 bytes/],
  ])('refuses %s', (_what, environment, problem) => {
    expect(problemsOf(environment)).toEqual([expect.stringMatching(problem)]);
  });

  it('refuses an idle timeout that a touch cannot outrun, unless the absolute limit comes first', () => {
    const environment = { SESSION_IDLE_TIMEOUT_MS: '5999', SESSION_SYNC_INTERVAL_MS: '500' };
    expect(problemsOf(environment)).toEqual([expect.stringMatching(/^SESSION_IDLE_TIMEOUT_MS .*6000/)]);
    expect(problemsOf({ ...environment, SESSION_IDLE_TIMEOUT_MS: '6000' })).toEqual([]);
    expect(problemsOf({ ...environment, SESSION_ABSOLUTE_LIFETIME_MS: '5999' })).toEqual([]);
  });

  it('repeats no secret', () => {
    const problems = problemsOf({
      DATABASE_URL: 'mysql://user:hunter2@db',
      REDIS_URL: 'http://:hunter2@cache',
      ADMIN_PASSWORD: 'hunter2',
      SESSION_TOKEN_KEYS: 'hunter2,a:hunter2',
    }).join('\n');
    expect(problems.split('\n')).toHaveLength(5);
    expect(problems).not.toContain('hunter2');
  });
});
