import { type ErrorCode, IdentitySessionError } from '../../core/errors.js';
import type { SessionStatus } from '../../core/lifecycle.js';
import { missingRequirements } from '../../core/pending.js';
import type { SessionRecord } from '../../core/session.js';

/** Why there is no session. */
export interface Refusal {
  readonly session?: undefined;
  readonly error: IdentitySessionError;
}

/** Why a session that is not live is refused; told only to whoever presents its secret. */
export const REFUSALS: Readonly<Record<Exclude<SessionStatus, 'active'>, readonly [ErrorCode, string]>> = {
  pending: ['SESSION_PENDING', 'The sign-in is not complete. Meet what it still requires.'],
  suspended: ['SESSION_SUSPENDED', 'The session is suspended; an administrator can resume it.'],
  signed_out: ['SESSION_SIGNED_OUT', 'The session was signed out. Sign in again.'],
  expired: ['SESSION_EXPIRED', 'The session has run out. Sign in again.'],
  evicted: ['SESSION_EVICTED', 'The session was ended by a newer sign-in. Sign in again.'],
  revoked: ['SESSION_REVOKED', 'The session was revoked. Sign in again.'],
  rejected: ['SESSION_REVOKED', 'The sign-in was rejected.'],
};

export function refused(code: ErrorCode, message: string): Refusal {
  return { error: new IdentitySessionError(code, message) };
}

/** For whatever proves nothing: the same for unknown, foreign and forged. */
export function invalid(): Refusal {
  return refused('SESSION_INVALID', 'The session is not valid. Sign in again.');
}

/** For whoever has proved to be its owner: of a pending one also what is missing. */
export function refusedAs({ status, pending }: Pick<SessionRecord, 'status' | 'pending'>): Refusal {
  // A newer version may have written a status that this one does not know.
  if (status === 'active' || !Object.hasOwn(REFUSALS, status)) return invalid();
  return status === 'pending' ? { error: incomplete(pending) } : refused(...REFUSALS[status]);
}

/** Why a pending session is refused; `requirements` names what is missing. */
export function incomplete(pending: SessionRecord['pending']): IdentitySessionError {
  const extensions = { requirements: missingRequirements(pending) };
  return new IdentitySessionError(...REFUSALS.pending, { extensions });
}

/** Why nothing changes of a suspended session. */
export function suspended(): IdentitySessionError {
  return new IdentitySessionError(...REFUSALS.suspended);
}

/** What went wrong with the store, as a refusal. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof IdentitySessionError) return { error };
  const message = 'The session could not be checked. Try again.';
  return { error: new IdentitySessionError('SESSION_STORE_UNAVAILABLE', message, { retryAfterSeconds: 1 }, error) };
}
