import { IdentitySessionError } from '../../core/errors.js';

/** The same for unknown and foreign sessions. Whoever has asked knows for which. */
export function notFound(): IdentitySessionError {
  return new IdentitySessionError('SESSION_NOT_FOUND', 'There is no live session of that id that you may use.');
}
