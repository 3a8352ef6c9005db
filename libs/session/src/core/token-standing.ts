import type { SessionRecord } from './session.js';
import { type ParsedToken, whichDigest } from './token.js';

/**
 * What a presented token is to its session: `current`; `previous`, in the grace of the rotation that replaced it;
 * `reused`, proven to be an older one after that grace, which only a thief or a client that lost the successor presents;
 * or `unknown`, which proves nothing.
 */
export type TokenStanding = 'current' | 'previous' | 'reused' | 'unknown';

/** What is known when a token is presented. */
export interface Presentation {
  /** When it was presented, in milliseconds on the database's clock. */
  readonly at: number;
  /** How long the token before a rotation is admitted; 0: not at all, and then nothing counts as reuse. */
  readonly graceMs: number;
  /** Whether its MAC proves that it was issued here. */
  readonly isAuthentic: boolean;
}

/**
 * Tells the standing of a token. Hashes for unknown sessions too: how long the answer takes must not tell whether the
 * id exists. An older generation alone proves nothing, or whoever knows a public id could have its session ended.
 */
export function standingOf(
  token: ParsedToken,
  session: SessionRecord | undefined,
  { at, graceMs, isAuthentic }: Presentation,
): TokenStanding {
  const which = whichDigest(token.body, session?.tokenDigest, session?.previous?.digest);
  if (session === undefined) return 'unknown';
  if (which === 'current') return 'current';
  if (session.rotatedAt === null || graceMs === 0) return 'unknown';
  const isInGrace = at < session.rotatedAt + graceMs;
  if (which === 'previous') return isInGrace ? 'previous' : 'reused';
  return !isInGrace && isAuthentic && token.generation < session.tokenGeneration ? 'reused' : 'unknown';
}

/** The session as whoever presents its previous token has it: with the rights from before the rotation. */
export function asBeforeRotation(session: SessionRecord): SessionRecord {
  const { previous } = session;
  if (previous === null) return session;
  return { ...session, assurance: previous.assurance, authenticatedAt: previous.authenticatedAt };
}
