import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { answeredWith, type ConcurrentLoginPolicy, decide, type LiveSession, type WhenFull } from './policy.js';
import { groupOf, situations } from './policy.spec-support.js';

/** Some of those who are there are protected, and the user picks whom they like. */
const guarded = situations().chain((situation) =>
  fc.record({
    ...{ policy: fc.constant(situation.policy), candidate: fc.constant(situation.candidate) },
    live: fc
      .array(fc.boolean(), { minLength: situation.live.length, maxLength: situation.live.length })
      .map((flags) => situation.live.map((session, index) => ({ ...session, isProtected: flags[index] ?? false }))),
    picked: fc.subarray(situation.live.map(({ id }) => id)),
  }),
);

const sessions = (...flags: boolean[]): LiveSession[] =>
  flags.map((isProtected, index) => ({
    ...{
      id: `s${index}`,
      sequence: index,
      createdAt: index,
      lastAccessedAt: index,
      scopeKeys: ['subject'],
      isProtected,
    },
    ...facts,
  }));
const facts = { tenantId: null, userId: 'alice', clientId: null, deviceType: 'web', deviceId: null } as const;
const candidate = { ...facts, scopeKeys: ['subject'] };
const policyOf = (limit: number, whenFull: WhenFull): ConcurrentLoginPolicy => [{ scope: 'subject', limit, whenFull }];

describe('protected sessions', () => {
  it('are never ended by a policy, nor offered or picked for it, and still count', () => {
    fc.assert(
      fc.property(guarded, ({ policy, candidate: comer, live, picked }) => {
        const isProtected = (id: string) => live.some((session) => session.id === id && session.isProtected);
        for (const decision of [decide(policy, comer, live), answeredWith(policy, comer, live, picked)]) {
          if (decision.kind === 'ask') {
            expect(decision.full.filter(isProtected)).toEqual([]);
            expect(decision.full.length).toBeGreaterThanOrEqual(decision.mustEnd);
          }
          if (decision.kind !== 'admit') continue;
          expect(decision.evict.filter(isProtected)).toEqual([]);
          const left = live.filter(({ id }) => !decision.evict.includes(id));
          for (const constraint of policy) {
            const { max, members } = groupOf(constraint, comer, left);
            if (constraint.exempt?.(comer) !== true) expect(members.length + 1).toBeLessThanOrEqual(max);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each<WhenFull>(['evict-oldest', 'evict-least-recently-used', 'evict-all', 'ask', 'reject'])(
    'that fill a limit refuse the sign-in, whatever it does when it is full: %s',
    (whenFull) => {
      const full = sessions(true, true);
      expect(decide(policyOf(2, whenFull), candidate, full)).toEqual({ kind: 'reject', full: ['s0', 's1'] });
    },
  );

  it('have the others go in their place', () => {
    const live = sessions(true, false, true);
    expect(decide(policyOf(3, 'evict-oldest'), candidate, live)).toEqual({ kind: 'admit', evict: ['s1'] });
    expect(decide(policyOf(3, 'evict-all'), candidate, live)).toEqual({ kind: 'admit', evict: ['s1'] });
    expect(decide(policyOf(3, 'ask'), candidate, live)).toEqual({ kind: 'ask', full: ['s1'], mustEnd: 1 });
    expect(answeredWith(policyOf(3, 'ask'), candidate, live, ['s0'])).toEqual({ kind: 'admit', evict: ['s1'] });
  });
});
