import type { SessionScope } from '../../store/session-store.js';
import type { Session } from '../session/session.js';

/**
 * What an administrator is about to do: `read` sessions and their history, `end` them (cut-offs too), `suspend` and
 * resume them, read or change `settings`, read `stats`.
 */
export type AdministrationAction = 'read' | 'end' | 'suspend' | 'settings' | 'stats';

/**
 * Says whose sessions an actor may administrate. The scope becomes part of every statement, bulk ones too. There is no
 * default: without a policy of the application the administrators' routes do not exist.
 */
export interface SessionAccessPolicy {
  /** `null` refuses with 403 `FORBIDDEN`. Asked for each request, so that a role that was taken away counts at once. */
  scopeFor(actor: Session, action: AdministrationAction): SessionScope | null | Promise<SessionScope | null>;
}
