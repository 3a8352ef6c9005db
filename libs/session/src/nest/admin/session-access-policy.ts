import type { SessionScope } from '../../store/session-store.js';
import type { Session } from '../session/session.js';

/** What an administrator is about to do. */
export type AdministrationAction = 'read' | 'end';

/**
 * Says whose sessions an actor may administrate. The scope becomes part of every statement, bulk ones too. There is no
 * default: without a policy of the application the administrators' routes do not exist.
 */
export interface SessionAccessPolicy {
  /** `null` refuses with 403 `FORBIDDEN`. */
  scopeFor(actor: Session, action: AdministrationAction): SessionScope | null | Promise<SessionScope | null>;
}
