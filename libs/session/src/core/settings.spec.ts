import { describe, expect, it } from '@jest/globals';
import { idleProblems, mergeLifetimes, resolveLifetimes } from './lifetime-rules.js';
import {
  layerSettings,
  type SettingsBase,
  type SettingsLayer,
  type SessionSettings,
  signInLifetimes,
} from './settings.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const base: SettingsBase = {
  policy: [{ scope: 'subject', limit: 5, whenFull: 'evict-oldest', exempt: ({ userId }) => userId === 'robot' }],
  lifetimes: { idleTimeoutMs: 2 * HOUR_MS, absoluteLifetimeMs: 10 * HOUR_MS },
};
const byAll = (settings: SessionSettings): SettingsLayer => ({ settings, keeper: 'all' });
const byTenant = (settings: SessionSettings): SettingsLayer => ({ settings, keeper: 'tenant' });

const lifetimes = (layers: readonly SettingsLayer[], clientId: string | null = null, rememberMe = false) =>
  signInLifetimes(layerSettings(base, layers), clientId, rememberMe);

describe('settings over configuration', () => {
  it('change nothing where there are none', () => {
    expect(layerSettings(base, []).policy).toBe(base.policy);
    expect(lifetimes([])).toEqual({ idleTimeoutMs: 2 * HOUR_MS, absoluteLifetimeMs: 10 * HOUR_MS });
  });

  it('take the place of the whole strategy, the last one in order', () => {
    const layers = [byAll({ strategy: 'RejectNew', limit: 3 }), byAll({ strategy: 'LogoutFromAllDevices' })];
    expect(layerSettings(base, layers.slice(0, 1)).policy).toEqual([
      { scope: 'subject', limit: 3, whenFull: 'reject' },
    ]);
    expect(layerSettings(base, layers).policy).toEqual([{ scope: 'subject', limit: 1, whenFull: 'evict-all' }]);
    expect(layerSettings(base, [byAll({ strategy: 'None' })]).policy).toEqual([]);
    expect(layerSettings(base, [byAll({ lifetimes: {} })]).policy).toBe(base.policy);
  });

  it('take the place of lifetimes value by value', () => {
    const everybody = byAll({
      lifetimes: { idleTimeoutMs: HOUR_MS, clients: { cli: { idleTimeoutMs: 3 * HOUR_MS } } },
    });
    const tenant = byAll({
      lifetimes: { absoluteLifetimeMs: 20 * HOUR_MS, clients: { cli: { absoluteLifetimeMs: 4 * HOUR_MS } } },
    });
    expect(lifetimes([everybody, tenant])).toEqual({ idleTimeoutMs: HOUR_MS, absoluteLifetimeMs: 20 * HOUR_MS });
    expect(lifetimes([everybody, tenant], 'cli')).toEqual({
      idleTimeoutMs: 3 * HOUR_MS,
      absoluteLifetimeMs: 4 * HOUR_MS,
    });
    expect(lifetimes([everybody, tenant], null, true)).toEqual({
      idleTimeoutMs: 20 * HOUR_MS,
      absoluteLifetimeMs: 20 * HOUR_MS,
    });
  });

  it('of a tenant’s own administrators add rules and shorten lifetimes, whatever they say', () => {
    const loose = byTenant({
      strategy: 'RejectNew',
      limit: 50,
      lifetimes: { idleTimeoutMs: 9 * HOUR_MS, absoluteLifetimeMs: HOUR_MS },
    });
    const { policy } = layerSettings(base, [loose]);
    expect(policy).toEqual([...base.policy, { scope: 'subject', limit: 50, whenFull: 'reject' }]);
    expect(lifetimes([loose])).toEqual({ idleTimeoutMs: HOUR_MS, absoluteLifetimeMs: HOUR_MS });
    const stricter = byAll({ strategy: 'RejectNew', limit: 2, lifetimes: { absoluteLifetimeMs: 30 * MINUTE_MS } });
    expect(layerSettings(base, [stricter, loose]).policy[0]).toMatchObject({ limit: 2 });
    expect(lifetimes([stricter, loose]).absoluteLifetimeMs).toBe(30 * MINUTE_MS);
  });

  it('keep everything but lifetimes that are not sound with what is below', () => {
    const layer = byAll({ strategy: 'None', lifetimes: { idleTimeoutMs: 1 } });
    const rules = layerSettings(base, [layer], ({ idleTimeoutMs }) => idleTimeoutMs > 1);
    expect(rules.policy).toEqual([]);
    expect(signInLifetimes(rules, null, false).idleTimeoutMs).toBe(2 * HOUR_MS);
  });
});

describe('lifetimes', () => {
  it('merge without a trace of keys that are undefined, and with any name of a client', () => {
    const merged = mergeLifetimes(
      { idleTimeoutMs: 1, clients: JSON.parse('{"__proto__":{"idleTimeoutMs":5}}') as Record<string, object> },
      { idleTimeoutMs: undefined, rememberMe: { idleTimeoutMs: 2 } },
    );
    expect(merged).toMatchObject({ idleTimeoutMs: 1, rememberMe: { idleTimeoutMs: 2 } });
    expect(Object.keys(merged.clients ?? {})).toEqual(['__proto__']);
    expect(resolveLifetimes(merged).clients['idleTimeoutMs']).toBeUndefined();
  });

  it('with an idle limit below what touches need are told, unless the absolute limit comes first', () => {
    const problems = (given: object) => idleProblems(resolveLifetimes(given), 600_000, 5_000);
    expect(problems({ idleTimeoutMs: 1_205_000 })).toEqual([]);
    expect(problems({ idleTimeoutMs: 1_204_999 })).toHaveLength(1);
    expect(problems({ absoluteLifetimeMs: 60_000 })).toEqual([]);
    expect(problems({ clients: { cli: { idleTimeoutMs: 60_000 } } })[0]).toContain(
      'lifetimes.clients.cli.idleTimeoutMs',
    );
  });
});
