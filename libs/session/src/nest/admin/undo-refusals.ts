import { IdentitySessionError } from '../../core/errors.js';
import type { UndoRefusal } from '../../store/session-undo.js';

const TEXTS: Readonly<Record<UndoRefusal, string>> = {
  not_undoable:
    'Only the end of an active session by an administrator can be undone, and only where it was not meant for good.',
  own_session: 'Somebody else must undo the end of your own session.',
  too_late: 'The time to undo it is over.',
  already_undone: 'It was undone already.',
  changed: 'Something of the user or the session has changed since. The user signs in again.',
  not_undone: 'Nobody has undone the end of the session.',
  used: 'The session was restored already. Sign in again.',
  unknown: 'There is no such session.',
};

/** Why a revocation is not undone, or a session not restored; `reason` tells programs the same. */
export function undoRefused(reason: UndoRefusal): IdentitySessionError {
  return new IdentitySessionError('UNDO_REFUSED', TEXTS[reason], { extensions: { reason } });
}

export function undoUnsupported(): IdentitySessionError {
  return new IdentitySessionError(
    'CONFIGURATION_INVALID',
    'The store does not let revocations be undone. Leave out the option undo, or implement SessionUndoStore.',
  );
}
