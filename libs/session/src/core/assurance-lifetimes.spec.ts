import { describe, expect, it } from '@jest/globals';
import { lifetimesOfLevel, looserThan } from './assurance-lifetimes.js';
import { ASSURANCE_LEVELS } from './session.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('[row 15] the lifetimes of a level of assurance', () => {
  it.each([
    ['aal1', 30 * DAY, 30 * DAY],
    ['aal2', HOUR, DAY],
    ['aal3', 15 * MINUTE, 12 * HOUR],
  ] as const)(
    'are those of NIST SP 800-63B-4 for %s, "remember me" included',
    (level, idleTimeoutMs, absoluteLifetimeMs) => {
      const limits = { idleTimeoutMs, absoluteLifetimeMs };
      expect(lifetimesOfLevel({}, level)).toEqual({ ...limits, rememberMe: limits });
    },
  );

  it('give way to what is given, and are no longer than it', () => {
    expect(
      lifetimesOfLevel({ absoluteLifetimeMs: 10 * MINUTE, rememberMe: { absoluteLifetimeMs: DAY } }, 'aal2'),
    ).toEqual({
      absoluteLifetimeMs: 10 * MINUTE,
      idleTimeoutMs: 10 * MINUTE,
      rememberMe: { absoluteLifetimeMs: DAY, idleTimeoutMs: 10 * MINUTE },
    });
  });

  it('are not looser than themselves, and looser than those of each higher level', () => {
    for (const [index, level] of ASSURANCE_LEVELS.entries()) {
      const rules = { clients: {}, ...lifetimesOfLevel({}, level) } as Parameters<typeof looserThan>[1];
      expect(looserThan(level, rules)).toEqual([]);
      for (const higher of ASSURANCE_LEVELS.slice(index + 1)) expect(looserThan(higher, rules)).toHaveLength(4);
    }
  });

  it('are compared for clients too, by their own limits or the common ones', () => {
    const limits = { idleTimeoutMs: HOUR, absoluteLifetimeMs: DAY };
    const clients = {
      kiosk: { idleTimeoutMs: 2 * HOUR },
      tv: { absoluteLifetimeMs: 365 * DAY },
      short: { absoluteLifetimeMs: HOUR },
    };
    expect(looserThan('aal2', { ...limits, rememberMe: limits, clients })).toEqual([
      'lifetimes.clients.kiosk.idleTimeoutMs is 7200000; aal2 allows 3600000 (NIST SP 800-63B-4)',
      'lifetimes.clients.tv.absoluteLifetimeMs is 31536000000; aal2 allows 86400000 (NIST SP 800-63B-4)',
    ]);
  });

  it('allow an idle limit that is never reached', () => {
    const limits = { idleTimeoutMs: DAY, absoluteLifetimeMs: HOUR };
    expect(looserThan('aal2', { ...limits, rememberMe: limits, clients: {} })).toEqual([]);
  });
});
