import { IdentitySessionError } from '../../core/errors.js';
import type { SessionRecord } from '../../core/session.js';
import { isInScope } from '../../store/memory/session-query.js';
import type { SessionFilter, SessionScope } from '../../store/session-store.js';

/**
 * Whether protected sessions are meant too: for `true` all that the rest of what is asked reaches, for a scope those of
 * them within it, for `false` none.
 */
export type ProtectedInclusion = boolean | SessionScope;

/** The condition of a statement. */
export function withProtection(included: ProtectedInclusion = false): Pick<SessionFilter, 'protectedWithin'> {
  if (included === true) return {};
  return { protectedWithin: included === false ? null : included };
}

/** True for a protected session that is not meant. */
export function isSpared(session: SessionRecord, included: ProtectedInclusion = false): boolean {
  if (!session.isProtected || included === true) return false;
  return included === false || !isInScope(included, session);
}

/** Why nothing happened to a session that is there. */
export function isProtectedAgainst(): IdentitySessionError {
  return new IdentitySessionError(
    'SESSION_PROTECTED',
    'The session is protected. It takes the right to protected sessions to do that.',
  );
}
