import { describe, expect, it } from '@jest/globals';
import { sessionRecordOf } from '../testing/record-builder.js';
import { asBeforeRotation, standingOf } from './token-standing.js';
import { parseToken, TokenMint } from './token.js';

const ID = '01a00000-0000-7000-8000-000000000000';
const ROTATED_AT = 1_000_000;
const GRACE_MS = 30_000;
const mint = new TokenMint();
const issue = (generation: number) => {
  const { token, digest } = mint.mint(ID, generation);
  return { token: parseToken(token)!, digest };
};
const [oldest, older, current] = [issue(0), issue(1), issue(2)];
const previous = { digest: older.digest, assurance: 'aal1', authenticatedAt: 5, hasSuccessor: true } as const;
const session = sessionRecordOf({
  id: ID,
  tokenDigest: current.digest,
  tokenGeneration: 2,
  previous,
  rotatedAt: ROTATED_AT,
  assurance: 'aal2',
});
const IN_GRACE = { at: ROTATED_AT + GRACE_MS - 1, graceMs: GRACE_MS, isAuthentic: false };
const AFTER = { ...IN_GRACE, at: ROTATED_AT + GRACE_MS };

describe('[row 8] the standing of a token', () => {
  it('is current, whenever it is presented', () => {
    for (const presentation of [IN_GRACE, AFTER])
      expect(standingOf(current.token, session, presentation)).toBe('current');
  });

  it('is previous in the grace, and reused from its very end on', () => {
    expect(standingOf(older.token, session, IN_GRACE)).toBe('previous');
    expect(standingOf(older.token, session, AFTER)).toBe('reused');
  });

  it('is unknown for an older generation, unless its MAC is proof, and then not in the grace', () => {
    expect(standingOf(oldest.token, session, AFTER)).toBe('unknown');
    expect(standingOf(oldest.token, session, { ...AFTER, isAuthentic: true })).toBe('reused');
    expect(standingOf(oldest.token, session, { ...IN_GRACE, isAuthentic: true })).toBe('unknown');
    expect(standingOf(issue(2).token, session, { ...AFTER, isAuthentic: true })).toBe('unknown');
    expect(standingOf(issue(3).token, session, { ...AFTER, isAuthentic: true })).toBe('unknown');
  });

  it('is unknown for a token that a rotation killed at once, and for every other where there is no session', () => {
    expect(standingOf(older.token, { ...session, previous: null }, IN_GRACE)).toBe('unknown');
    expect(standingOf(older.token, { ...session, previous: null }, AFTER)).toBe('unknown');
    expect(standingOf(older.token, undefined, AFTER)).toBe('unknown');
  });

  it('is no reuse where there is no grace: it would be a request on its way', () => {
    const none = { ...AFTER, graceMs: 0, isAuthentic: true };
    for (const { token } of [oldest, older]) expect(standingOf(token, session, none)).toBe('unknown');
  });
});

describe('[row 7] a session as its previous token has it', () => {
  it('has the level and the time of authentication from before the rotation', () => {
    expect(asBeforeRotation(session)).toEqual({ ...session, assurance: 'aal1', authenticatedAt: 5 });
  });
});
