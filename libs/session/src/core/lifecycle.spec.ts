import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  canBecome,
  isLive,
  LIVE_STATUSES,
  SESSION_STATUSES,
  statesBefore,
  TRANSITIONS,
  type SessionStatus,
} from './lifecycle.js';

const anyStatus = fc.constantFrom(...SESSION_STATUSES);

/** Where a session is after it was told to become each of these in turn; refused steps leave it where it is. */
function walk(from: SessionStatus, wishes: readonly SessionStatus[]): SessionStatus[] {
  return wishes.reduce<SessionStatus[]>((path, to) => (canBecome(path.at(-1)!, to) ? [...path, to] : path), [from]);
}

describe('lifecycle', () => {
  it('ended is final: no walk leads on from there [row 23]', () => {
    fc.assert(
      fc.property(anyStatus, fc.array(anyStatus, { maxLength: 30 }), (from, wishes) => {
        const path = walk(from, wishes);
        const end = path.findIndex((status) => !isLive(status));
        if (end >= 0) expect(path).toHaveLength(end + 1);
      }),
    );
  });

  it('every walk that never ends stays among the live states', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...LIVE_STATUSES), { maxLength: 30 }), (wishes) => {
        expect(LIVE_STATUSES).toEqual(expect.arrayContaining(walk('pending', wishes)));
      }),
    );
  });

  it('reaches every state from pending', () => {
    const reached = new Set<SessionStatus>(['pending']);
    for (const from of reached) for (const to of TRANSITIONS[from]) reached.add(to);
    expect([...reached].sort()).toEqual([...SESSION_STATUSES].sort());
  });

  it('never leads back to pending: a second factor is asked for once [row 10]', () => {
    expect(statesBefore('pending')).toEqual([]);
  });

  it('rejects only what is still pending', () => {
    expect(statesBefore('rejected')).toEqual(['pending']);
  });

  it('suspends only what is active, and lets what is suspended become active again', () => {
    expect(statesBefore('suspended')).toEqual(['active']);
    expect([...statesBefore('active')].sort()).toEqual(['pending', 'suspended']);
  });

  it('lets every live state be signed out, expired and revoked', () => {
    for (const to of ['signed_out', 'expired', 'revoked'] as const) {
      expect([...statesBefore(to)].sort()).toEqual([...LIVE_STATUSES].sort());
    }
  });

  it('evicts only what can hold a slot', () => {
    expect([...statesBefore('evicted')].sort()).toEqual(['active', 'suspended']);
  });

  it('calls exactly those states live that may still change', () => {
    expect(SESSION_STATUSES.filter(isLive)).toEqual(LIVE_STATUSES);
  });

  it('takes no step to the state it is in', () => {
    expect(SESSION_STATUSES.filter((status) => canBecome(status, status))).toEqual([]);
  });

  it('names as states before exactly those that can take the step', () => {
    fc.assert(
      fc.property(anyStatus, anyStatus, (from, to) => {
        expect(statesBefore(to).includes(from)).toBe(canBecome(from, to));
      }),
    );
  });
});
