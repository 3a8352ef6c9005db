import { IdentitySessionError } from '../../core/errors.js';
import { isSessionId } from '../../core/token.js';

/** The same for unknown and foreign sessions. */
export function notFound(id: string): IdentitySessionError {
  const shown = isSessionId(id) ? `"${id}"` : 'of that form';
  return new IdentitySessionError('SESSION_NOT_FOUND', `There is no live session ${shown} that you may use.`);
}
