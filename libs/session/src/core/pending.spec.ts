import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { APPROVAL_MODES, isMet, meet, missingRequirements, type PendingSignIn, withMet } from './pending.js';

const PEOPLE = ['a', 'b', 'c', 'd'];
const people = fc.shuffledSubarray(PEOPLE, { minLength: 1 });
const attempts = fc.array(fc.constantFrom(...PEOPLE, 'nobody'), { maxLength: 20 });

const waiting = (approvers: PendingSignIn['requirements'][number]['approvers']): PendingSignIn => ({
  requirements: [{ name: 'it', approvers, met: [] }],
  roles: [],
});

/** Everybody tries in turn; who approved, in order. */
function approvalsOf(pending: PendingSignIn, by: readonly string[]): string[] {
  let current = pending;
  by.forEach((person, at) => {
    const decision = meet(current, 'it', person, true);
    if (decision.kind === 'meets') current = withMet(current, decision.position, { by: person, at });
  });
  return current.requirements[0]!.met.map((mark) => mark.by ?? '');
}

describe('approvals', () => {
  it('count of those who are named, of each once, and of nobody once it is met', () => {
    fc.assert(
      fc.property(fc.constantFrom(...APPROVAL_MODES), people, attempts, (mode, of, by) => {
        const approvals = approvalsOf(waiting({ mode, of }), by);
        expect(of).toEqual(expect.arrayContaining(approvals));
        expect(new Set(approvals).size).toBe(approvals.length);
        const met = approvals.map((person, at) => ({ by: person, at }));
        const one = { name: 'it', approvers: { mode, of } };
        if (met.length > 0) expect(isMet({ ...one, met: met.slice(0, -1) })).toBe(false);
      }),
    );
  });

  it.each([
    ['any', (of: string[], by: string[]) => by.some((person) => of.includes(person))],
    ['all', (of: string[], by: string[]) => of.every((person) => by.includes(person))],
    [
      'sequence',
      (of: string[], by: string[]) => by.reduce((next, person) => next + Number(person === of[next]), 0) === of.length,
    ],
  ] as const)('of %s are enough exactly where they came so', (mode, isEnough) => {
    fc.assert(
      fc.property(people, attempts, (of, by) => {
        const approvers = { mode, of };
        const met = approvalsOf(waiting(approvers), by).map((person, at) => ({ by: person, at }));
        expect(isMet({ name: 'it', approvers, met })).toBe(isEnough(of, by));
      }),
    );
  });
});

describe('what is missing', () => {
  it('is everything that is open, in the order of the sign-in, and nothing of what waits for nothing', () => {
    const met = [{ by: null, at: 1 }];
    const requirements = [
      { name: 'c', approvers: null, met: [] },
      { name: 'b', approvers: null, met },
      { name: 'a', approvers: null, met: [] },
    ];
    expect(missingRequirements({ requirements })).toEqual(['c', 'a']);
    expect(missingRequirements(null)).toEqual([]);
  });
});
