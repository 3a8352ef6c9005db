import { describe, expect, it } from '@jest/globals';
import { resolveOptions } from './resolve-options.js';

const refusal = (options: object) => {
  try {
    resolveOptions(options);
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
};

describe('the options', () => {
  it('have defaults for everything', () => {
    expect(resolveOptions({})).toMatchObject({
      policy: [],
      lifetimes: {
        idleTimeoutMs: 86_400_000,
        absoluteLifetimeMs: 2_592_000_000,
        rememberMe: { idleTimeoutMs: 2_592_000_000, absoluteLifetimeMs: 2_592_000_000 },
      },
      syncIntervalMs: 600_000,
      maxStalenessMs: 5_000,
      rotation: { intervalMs: 0, graceMs: 30_000, onReuse: 'revoke' },
      cookie: { secure: true, sameSite: 'lax' },
      trustProxyHops: 0,
    });
  });

  it('treat undefined as absent, leave what was given alone, and are frozen', () => {
    const given = { syncIntervalMs: undefined, lifetimes: { idleTimeoutMs: undefined } } as object;
    const resolved = resolveOptions(given);
    expect(resolved.syncIntervalMs).toBe(600_000);
    expect(given).toEqual({ syncIntervalMs: undefined, lifetimes: { idleTimeoutMs: undefined } });
    expect(Object.isFrozen(resolved)).toBe(true);
  });

  it('refuse unknown keys, so that a misspelt limit does not become no limit', () => {
    expect(refusal({ polcy: [] })).toContain('polcy');
    expect(refusal({ cookie: { httpOnly: false } })).toContain('httpOnly');
  });

  it('refuse an idle limit that accesses could not keep alive, and say what to do', () => {
    const message = refusal({ lifetimes: { idleTimeoutMs: 60_000 } });
    expect(message).toContain('must be at least 2 × syncIntervalMs + 5000 = 1205000');
    expect(message).toContain('lower syncIntervalMs');
    expect(resolveOptions({ lifetimes: { idleTimeoutMs: 25_000 }, syncIntervalMs: 10_000 })).toBeDefined();
    expect(refusal({ lifetimes: { idleTimeoutMs: 24_999 }, syncIntervalMs: 10_000 })).not.toBe('accepted');
  });

  it('check the idle limits of clients and of "remember me" in the same way', () => {
    expect(refusal({ lifetimes: { clients: { kiosk: { idleTimeoutMs: 1_000 } } } })).toContain('clients.kiosk');
    expect(refusal({ lifetimes: { rememberMe: { idleTimeoutMs: 1_000 } } })).toContain('rememberMe');
  });

  it('[row 15] take lifetimes from a level of assurance, and warn of what is looser', () => {
    const aal3 = resolveOptions({ assuranceLevel: 'aal3' });
    expect(aal3.lifetimes).toMatchObject({ idleTimeoutMs: 900_000, absoluteLifetimeMs: 43_200_000 });
    expect(aal3.lifetimes.rememberMe).toEqual({ idleTimeoutMs: 900_000, absoluteLifetimeMs: 43_200_000 });
    expect(aal3).toMatchObject({ syncIntervalMs: 300_000, warnings: [] });
    expect(resolveOptions({ assuranceLevel: 'aal2' })).toMatchObject({ syncIntervalMs: 600_000, warnings: [] });
    const looser = resolveOptions({ assuranceLevel: 'aal2', lifetimes: { rememberMe: { idleTimeoutMs: 7_200_000 } } });
    expect(looser.warnings).toEqual([
      'lifetimes.rememberMe.idleTimeoutMs is 7200000; aal2 allows 3600000 (NIST SP 800-63B-4)',
    ]);
    expect(resolveOptions({}).warnings).toEqual([]);
    const year = { lifetimes: { absoluteLifetimeMs: 31_536_000_000 } };
    expect(resolveOptions(year).warnings[0]).toContain('aal1 allows 2592000000');
    expect(refusal({ assuranceLevel: 'aal4' })).toContain('assuranceLevel');
  });

  it('let a revocation be undone for an hour at most, and not at all unless asked to', () => {
    expect(resolveOptions({}).undo).toEqual({ windowMs: 0 });
    expect(resolveOptions({ undo: { windowMs: 3_600_000 } }).undo).toEqual({ windowMs: 3_600_000 });
    expect(refusal({ undo: { windowMs: 3_600_001 } })).toContain('undo.windowMs: must be at most 3600000');
    expect(refusal({ undo: { windowMs: -1 } })).toContain('undo.windowMs');
  });

  it('refuse a rotation that would take requests on their way for theft', () => {
    expect(refusal({ rotation: { intervalMs: 20_000 } })).toContain('rotation.intervalMs is 20000');
    expect(refusal({ rotation: { intervalMs: 20_000, graceMs: 999 } })).toContain('rotation.graceMs is 999');
    expect(refusal({ rotation: { onReuse: 'ignore' } })).toContain('onReuse');
    expect(resolveOptions({ rotation: { intervalMs: 30_000 } }).rotation.intervalMs).toBe(30_000);
    expect(resolveOptions({ rotation: { graceMs: 0 } }).rotation.graceMs).toBe(0);
  });

  it('tell every problem at once', () => {
    const message = refusal({ syncIntervalMs: 0, maxStalenessMs: 1.5, trustProxyHops: -1 });
    for (const name of ['syncIntervalMs', 'maxStalenessMs', 'trustProxyHops']) expect(message).toContain(name);
  });

  it('refuse token keys that are short or misnamed, without repeating them', () => {
    const secret = new TextEncoder().encode('hunter2hunter2');
    const message = refusal({ tokenKeys: [{ id: 'k 1', secret }] });
    expect(message).toContain('at least 32 bytes');
    expect(message).not.toContain('hunter2');
  });

  it('refuse two token keys of one id, since only one of them could check', () => {
    const key = { id: 'k1', secret: new Uint8Array(32) };
    expect(refusal({ tokenKeys: [key, key] })).toContain('tokenKeys');
  });

  it('refuse a policy with an impossible limit', () => {
    expect(refusal({ policy: [{ scope: 'subject', limit: 0, whenFull: 'reject' }] })).toContain('limit');
    expect(refusal({ policy: [{ scope: 'subject', limit: 1, whenFull: 'rejct' }] })).toContain('whenFull "rejct"');
    expect(refusal({ policy: [{ scope: 'user', limit: 1, whenFull: 'reject' }] })).toContain('scope "user"');
  });

  it('take Redis for hints and for the shared cache where it is given, else PostgreSQL and none', () => {
    const url = 'rediss://user:secret@redis.example:6380/2';
    expect(resolveOptions({})).toMatchObject({ hints: 'postgres', sharedCache: false, keepAccessMs: 60_000 });
    expect(resolveOptions({ redis: { url } })).toMatchObject({
      hints: 'redis',
      sharedCache: true,
      redis: { url, namespace: 'identity-session', deadlineMs: 100 },
    });
    expect(resolveOptions({ redis: { url }, hints: 'postgres', sharedCache: false })).toMatchObject({
      hints: 'postgres',
      sharedCache: false,
    });
  });

  it('refuse Redis without an address, or one that is none, without repeating it', () => {
    expect(refusal({ hints: 'redis' })).toContain('hints is redis');
    expect(refusal({ sharedCache: true })).toContain('sharedCache is true');
    const message = refusal({ redis: { url: 'http://:hunter2@x' } });
    expect(message).toContain('redis.url');
    expect(message).not.toContain('hunter2');
    expect(refusal({ redis: { url: 'redis://x', namespace: 'a{b}' } })).toContain('redis.namespace');
  });
});
