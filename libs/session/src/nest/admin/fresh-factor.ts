import { IdentitySessionError } from '../../core/errors.js';
import type { Session } from '../session/session.js';

/**
 * For ending other sessions of one's own; 0 asks for nothing.
 * @see OWASP ASVS 5.0 7.5.2
 * @throws IdentitySessionError `SESSION_NOT_FRESH` where the user has proved longer ago than `maxAgeMs` who they are
 */
export function demandFreshFactor(current: Session, maxAgeMs: number, now: number): void {
  if (maxAgeMs === 0 || now - current.authenticatedAt.getTime() <= maxAgeMs) return;
  throw new IdentitySessionError('SESSION_NOT_FRESH', 'Authenticate again before you end other sessions.');
}
