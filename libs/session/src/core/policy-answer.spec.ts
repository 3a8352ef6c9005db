import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { answeredWith, decide, type ConcurrentLoginPolicy } from './policy.js';
import { constraints, groupOf, situations } from './policy.spec-support.js';

/** A question that is open, and sessions that its user picks, some of which may be none of theirs. */
const answers = situations().chain((situation) =>
  fc.record({
    situation: fc.constant(situation),
    picked: fc.subarray([...situation.live.map(({ id }) => id), 'someone-elses']),
  }),
);

const asking = fc.array(constraints(['ask']), { minLength: 1, maxLength: 3 });

describe('answeredWith', () => {
  it('never asks again', () => {
    fc.assert(
      fc.property(answers, ({ situation: { policy, candidate, live }, picked }) => {
        expect(answeredWith(policy, candidate, live, picked).kind).not.toBe('ask');
      }),
    );
  });

  it('brings every group of the newcomer within its limit, however few were picked', () => {
    fc.assert(
      fc.property(answers, ({ situation: { policy, candidate, live }, picked }) => {
        const decision = answeredWith(policy, candidate, live, picked);
        fc.pre(decision.kind === 'admit');
        const left = live.filter((session) => !decision.evict.includes(session.id));
        for (const constraint of policy) {
          const { max, members } = groupOf(constraint, candidate, left);
          if (constraint.exempt?.(candidate) !== true) expect(members.length + 1).toBeLessThanOrEqual(max);
        }
      }),
    );
  });

  it('ends who was picked and is there, first and oldest first, and nobody twice', () => {
    fc.assert(
      fc.property(answers, ({ situation: { policy, candidate, live }, picked }) => {
        const decision = answeredWith(policy, candidate, live, picked);
        fc.pre(decision.kind === 'admit');
        const chosen = live
          .filter((session) => picked.includes(session.id))
          .sort((a, b) => a.createdAt - b.createdAt || a.sequence - b.sequence);
        expect(decision.evict.slice(0, chosen.length)).toEqual(chosen.map(({ id }) => id));
        expect(new Set(decision.evict).size).toBe(decision.evict.length);
        expect(live.map(({ id }) => id)).toEqual(expect.arrayContaining([...decision.evict]));
      }),
    );
  });

  it('ends nobody beyond the picked where they are as many as the question asked for', () => {
    const exact = situations(fc.tuple(constraints(['ask']))).chain((situation) => {
      const { policy, candidate, live } = situation;
      const decision = decide(policy, candidate, live);
      const open = decision.kind === 'ask' ? decision : { full: [], mustEnd: 0 };
      const size = { minLength: open.mustEnd, maxLength: open.mustEnd };
      return fc.record({ situation: fc.constant(situation), picked: fc.shuffledSubarray([...open.full], size) });
    });
    fc.assert(
      fc.property(exact, ({ situation: { policy, candidate, live }, picked }) => {
        const decision = answeredWith(policy, candidate, live, picked);
        expect(decision.kind === 'admit' && [...decision.evict].sort()).toEqual([...picked].sort());
      }),
    );
  });

  it('takes the oldest where nobody was picked', () => {
    fc.assert(
      fc.property(situations(asking), ({ policy, candidate, live }) => {
        const evicting: ConcurrentLoginPolicy = policy.map((one) => ({ ...one, whenFull: 'evict-oldest' }));
        expect(answeredWith(policy, candidate, live, [])).toEqual(decide(evicting, candidate, live));
      }),
    );
  });

  it('does not buy a way past a rejection: nobody is ended', () => {
    fc.assert(
      fc.property(answers, ({ situation: { policy, candidate, live }, picked }) => {
        const decision = answeredWith(policy, candidate, live, picked);
        fc.pre(decision.kind === 'reject');
        const full = policy.filter((constraint) => {
          const left = live.filter(({ id }) => !picked.includes(id));
          const { max, members } = groupOf(constraint, candidate, left);
          return constraint.whenFull === 'reject' && members.length + 1 > max;
        });
        expect(full).not.toEqual([]);
        expect(decision.full.filter((id) => picked.includes(id))).toEqual([]);
      }),
    );
  });

  it('is the same however the store happened to order the live sessions', () => {
    const shuffled = answers.chain((answer) =>
      fc.record({
        answer: fc.constant(answer),
        other: fc.shuffledSubarray(answer.situation.live, { minLength: answer.situation.live.length }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ answer: { situation, picked }, other }) => {
        const { policy, candidate, live } = situation;
        expect(answeredWith(policy, candidate, other, picked)).toEqual(answeredWith(policy, candidate, live, picked));
      }),
    );
  });
});
