import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decide, type Constraint, type LiveSession } from './policy.js';
import {
  candidateOf,
  constraints,
  crowds,
  everyLimitHolds,
  facts,
  groupOf,
  policies,
  sessionOf,
  situations,
} from './policy.spec-support.js';

const ids = (sessions: readonly LiveSession[]): string[] => sessions.map((session) => session.id);

const oldestFirst = (live: readonly LiveSession[], at: 'createdAt' | 'lastAccessedAt'): LiveSession[] =>
  [...live].sort((a, b) => a[at] - b[at] || a.createdAt - b.createdAt || a.sequence - b.sequence);

/** One constraint over the whole subject, exempting nobody. */
const overall = (whenFull: Constraint['whenFull']): fc.Arbitrary<Constraint> =>
  fc.record({ scope: fc.constant('subject'), limit: fc.integer({ min: 1, max: 6 }), whenFull: fc.constant(whenFull) });

const overallSituations = (whenFull: Constraint['whenFull']): ReturnType<typeof situations> =>
  situations(overall(whenFull).map((constraint) => [constraint]));

const limitOf = (policy: readonly Constraint[]): number => policy[0]!.limit as number;

describe('decide: the limit', () => {
  it('admits everyone where there is no constraint', () => {
    fc.assert(
      fc.property(situations(fc.constant([])), ({ policy, candidate, live }) => {
        expect(decide(policy, candidate, live)).toEqual({ kind: 'admit', evict: [] });
      }),
    );
  });

  it('brings every group of the newcomer within its limit, also where a lower limit is new [row 41]', () => {
    fc.assert(
      fc.property(situations(), ({ policy, candidate, live }) => {
        const decision = decide(policy, candidate, live);
        fc.pre(decision.kind === 'admit');
        const left = live.filter((session) => !decision.evict.includes(session.id));
        for (const constraint of policy) {
          const { max, members } = groupOf(constraint, candidate, left);
          if (constraint.exempt?.(candidate) !== true) expect(members.length + 1).toBeLessThanOrEqual(max);
        }
      }),
    );
  });

  it('evicts nobody while there is room in every group', () => {
    fc.assert(
      fc.property(situations(), ({ policy, candidate, live }) => {
        const room = policy.every((constraint) => {
          const { max, members } = groupOf(constraint, candidate, live);
          return members.length < max;
        });
        fc.pre(room);
        expect(decide(policy, candidate, live)).toEqual({ kind: 'admit', evict: [] });
      }),
    );
  });

  it('ends only sessions that share a full group with the newcomer, each once', () => {
    fc.assert(
      fc.property(situations(), ({ policy, candidate, live }) => {
        const decision = decide(policy, candidate, live);
        fc.pre(decision.kind === 'admit');
        const inFullGroups = policy.flatMap((constraint) => {
          const { max, members } = groupOf(constraint, candidate, live);
          return members.length + 1 > max && constraint.whenFull.startsWith('evict') ? ids(members) : [];
        });
        expect(inFullGroups).toEqual(expect.arrayContaining([...decision.evict]));
        expect(new Set(decision.evict).size).toBe(decision.evict.length);
      }),
    );
  });

  it('neither limits, counts nor ends sessions that are exempt', () => {
    const exempt = (session: { readonly clientId: string | null }): boolean => session.clientId === 'admin';
    const limited = overall('evict-all').map((constraint) => [{ ...constraint, limit: 1, exempt }]);
    fc.assert(
      fc.property(situations(limited), ({ policy, candidate, live }) => {
        const others = live.filter((session) => !exempt(session));
        expect(decide(policy, candidate, live)).toEqual({
          kind: 'admit',
          evict: exempt(candidate) ? [] : ids(oldestFirst(others, 'createdAt')),
        });
      }),
    );
  });
});

describe('decide: who goes', () => {
  it.each([
    ['evict-oldest', 'createdAt'],
    ['evict-least-recently-used', 'lastAccessedAt'],
  ] as const)('%s ends exactly as many as are too many, in that order [row 36]', (whenFull, at) => {
    fc.assert(
      fc.property(overallSituations(whenFull), ({ policy, candidate, live }) => {
        const tooMany = Math.max(0, live.length + 1 - limitOf(policy));
        const expected = ids(oldestFirst(live, at)).slice(0, tooMany);
        expect(decide(policy, candidate, live)).toEqual({ kind: 'admit', evict: expected });
      }),
    );
  });

  it('evict-all ends everyone in the group, and nobody before it is full', () => {
    fc.assert(
      fc.property(overallSituations('evict-all'), ({ policy, candidate, live }) => {
        const full = live.length + 1 > limitOf(policy);
        const expected = full ? ids(oldestFirst(live, 'createdAt')) : [];
        expect(decide(policy, candidate, live)).toEqual({ kind: 'admit', evict: expected });
      }),
    );
  });

  it('reject turns away exactly when the group is full, names who fills it and evicts nobody', () => {
    fc.assert(
      fc.property(overallSituations('reject'), ({ policy, candidate, live }) => {
        const full = live.length + 1 > limitOf(policy);
        expect(decide(policy, candidate, live)).toEqual(
          full ? { kind: 'reject', full: ids(oldestFirst(live, 'createdAt')) } : { kind: 'admit', evict: [] },
        );
      }),
    );
  });

  it('ask tells who fills the group and how many must end', () => {
    fc.assert(
      fc.property(overallSituations('ask'), ({ policy, candidate, live }) => {
        const mustEnd = live.length + 1 - limitOf(policy);
        expect(decide(policy, candidate, live)).toEqual(
          mustEnd > 0
            ? { kind: 'ask', full: ids(oldestFirst(live, 'createdAt')), mustEnd }
            : { kind: 'admit', evict: [] },
        );
      }),
    );
  });

  it('is the same however the store happened to order the live sessions', () => {
    const shuffled = situations().chain((situation) =>
      fc.record({
        situation: fc.constant(situation),
        other: fc.shuffledSubarray(situation.live, { minLength: situation.live.length }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ situation: { policy, candidate, live }, other }) => {
        expect(decide(policy, candidate, other)).toEqual(decide(policy, candidate, live));
      }),
    );
  });

  it('changes nothing that it was given', () => {
    fc.assert(
      fc.property(situations(), ({ policy, candidate, live }) => {
        const before = structuredClone(live);
        decide(Object.freeze(policy), Object.freeze(candidate), Object.freeze(live));
        expect(live).toEqual(before);
      }),
    );
  });
});

describe('decide: several constraints', () => {
  it('lets the tightest decide first, so that their order in the policy does not matter', () => {
    const distinct = fc
      .array(constraints(), { minLength: 2, maxLength: 4 })
      .chain((list) =>
        fc
          .shuffledSubarray([1, 2, 3, 4], { minLength: list.length, maxLength: list.length })
          .map((limits) =>
            list.map((constraint, index) => ({ ...constraint, limit: limits[index]!, name: `c${limits[index]!}` })),
          ),
      );
    const reordered = situations(distinct).chain((situation) =>
      fc.record({
        situation: fc.constant(situation),
        other: fc.shuffledSubarray([...situation.policy], { minLength: situation.policy.length }),
      }),
    );
    fc.assert(
      fc.property(reordered, ({ situation: { policy, candidate, live }, other }) => {
        expect(decide(other, candidate, live)).toEqual(decide(policy, candidate, live));
      }),
    );
  });

  it('counts what the tighter constraint left', () => {
    const two = fc.integer({ min: 1, max: 3 }).map((limit): Constraint[] => [
      { scope: 'subject', limit: limit + 1, whenFull: 'reject' },
      { scope: 'subject', limit, whenFull: 'evict-oldest' },
    ]);
    fc.assert(
      fc.property(situations(two), ({ policy, candidate, live }) => {
        expect(decide(policy, candidate, live)).toEqual(decide(policy.slice(1), candidate, live));
      }),
    );
  });

  it('lets the earlier of two equally tight ones decide', () => {
    const policy: Constraint[] = [
      { scope: 'subject', limit: 1, whenFull: 'evict-oldest' },
      { scope: 'subject', limit: 1, whenFull: 'reject' },
    ];
    fc.assert(
      fc.property(facts, crowds(policy), (own, live) => {
        expect(decide(policy, candidateOf(policy, own), live).kind).toBe('admit');
      }),
    );
  });

  it.each([
    ['reject', 'ask'],
    ['ask', 'reject'],
  ] as const)('lets a rejection beat a question (%s first)', (...ways) => {
    const policy = ways.map((whenFull): Constraint => ({ scope: 'subject', limit: 2, whenFull }));
    fc.assert(
      fc.property(situations(fc.constant(policy)), ({ candidate, live }) => {
        expect(decide(policy, candidate, live).kind).toBe(live.length < 2 ? 'admit' : 'reject');
      }),
    );
  });

  it('asks about the tightest limit where several would ask', () => {
    const policy: Constraint[] = [
      { scope: 'subject', limit: 2, whenFull: 'ask' },
      { scope: 'deviceType', limit: 1, whenFull: 'ask' },
    ];
    fc.assert(
      fc.property(situations(fc.constant(policy)), ({ candidate, live }) => {
        const same = live.filter((session) => session.deviceType === candidate.deviceType);
        fc.pre(same.length > 0);
        const full = ids(oldestFirst(same, 'createdAt'));
        expect(decide(policy, candidate, live)).toEqual({ kind: 'ask', full, mustEnd: full.length });
      }),
    );
  });

  it('lets a question beat an eviction: nobody goes before the answer', () => {
    const policy: Constraint[] = [
      { scope: 'deviceType', limit: 1, whenFull: 'evict-all' },
      { scope: 'subject', limit: 2, whenFull: 'ask' },
    ];
    fc.assert(
      fc.property(situations(fc.constant(policy)), ({ candidate, live }) => {
        const others = live.filter((session) => session.deviceType !== candidate.deviceType);
        const decision = decide(policy, candidate, live);
        expect(decision).toMatchObject(
          others.length < 2 ? { kind: 'admit' } : { kind: 'ask', mustEnd: others.length - 1 },
        );
      }),
    );
  });
});

describe('decide: over time', () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 5, arbitrary: fc.record({ do: fc.constant('signIn' as const), own: facts }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), nth: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('touch' as const), nth: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const) }) },
    ),
    { maxLength: 40 },
  );

  it('never lets any group exceed its limit, and never ends the newest [row 34] [row 36]', () => {
    fc.assert(
      fc.property(policies, steps, (policy, walk) => {
        let live: LiveSession[] = [];
        let now = 0;
        walk.forEach((step, sequence) => {
          if (step.do === 'wait') now++;
          else if (step.do === 'end') live = live.filter((_, index) => index !== step.nth % live.length);
          else if (step.do === 'touch') {
            live = live.map((one, index) => (index === step.nth % live.length ? { ...one, lastAccessedAt: now } : one));
          } else {
            const decision = decide(policy, candidateOf(policy, step.own), live);
            if (decision.kind !== 'admit') return;
            const newcomer = sessionOf(policy, step.own, sequence, { createdAt: now, lastAccessedAt: now });
            live = [...live.filter((session) => !decision.evict.includes(session.id)), newcomer];
            expect(ids(live)).toContain(newcomer.id);
          }
          expect(everyLimitHolds(policy, live)).toBe(true);
        });
      }),
      { numRuns: 500 },
    );
  });
});
