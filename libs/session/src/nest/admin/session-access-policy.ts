import type { SessionScope } from '../../store/session-store.js';
import type { Session } from '../session/session.js';

/**
 * What an administrator is about to do with sessions: `read` them and their history, `end` them (cut-offs too), `suspend`
 * and resume them, `approve` or reject sign-ins that are not complete (who approves must be named there as well), read their
 * `stats`.
 */
export type AdministrationAction = 'read' | 'end' | 'suspend' | 'approve' | 'stats';

/**
 * Says whose sessions an actor may administrate. The scope becomes part of every statement, bulk ones too. There is no
 * default: without a policy of the application the administrators' routes do not exist. A policy that looks at the actor
 * alone gives the same scope for each action, and never more than sessions: see `SettingsAccessPolicy`.
 */
export interface SessionAccessPolicy {
  /** `null` refuses with 403 `FORBIDDEN`. Asked for each request, so that a role that was taken away counts at once. */
  scopeFor(actor: Session, action: AdministrationAction): SessionScope | null | Promise<SessionScope | null>;
}

/**
 * What an access policy implements too where administrators may end and suspend protected sessions. A right over sessions is
 * none over these: without this nobody ends them over REST but their own users, from within.
 */
export interface ProtectedSessionAccessPolicy {
  /**
   * Whose protected sessions, of those that `scopeFor` gives for the same; `null` for nobody's. To reject a pending one is
   * to end it. Asked for each request that may be about one.
   */
  protectedScopeFor(actor: Session, action: 'end' | 'suspend'): SessionScope | null | Promise<SessionScope | null>;
}

/** Whether a policy says whose protected sessions an actor may end. */
export function grantsProtected<T extends object>(policy: T): policy is T & ProtectedSessionAccessPolicy {
  return typeof (policy as Partial<ProtectedSessionAccessPolicy>).protectedScopeFor === 'function';
}

/**
 * What an access policy implements too where administrators may erase users. What is erased does not come back, so no other
 * right includes it: without this, the route answers 403.
 */
export interface ErasureAccessPolicy {
  /** Whose records may be erased; `null` refuses with 403 `FORBIDDEN`. Asked for each request. */
  erasureScopeFor(actor: Session): SessionScope | null | Promise<SessionScope | null>;
}

/** Whether a policy says whose records an actor may erase. */
export function grantsErasure<T extends object>(policy: T): policy is T & ErasureAccessPolicy {
  return typeof (policy as Partial<ErasureAccessPolicy>).erasureScopeFor === 'function';
}

/** Whose settings: everybody's and any tenant's, or those of one tenant. */
export type SettingsScope = Extract<SessionScope, { readonly kind: 'all' | 'tenant' }>;

/**
 * What an access policy implements too where administrators may see and change settings at run time. A right over
 * sessions is none over the rules that sessions are under: without this, the settings' routes answer 403.
 */
export interface SettingsAccessPolicy {
  /** `null` refuses with 403 `FORBIDDEN`. Asked for each request. */
  settingsScopeFor(actor: Session): SettingsScope | null | Promise<SettingsScope | null>;
}

/** Whether a policy says whose settings an actor may change. */
export function grantsSettings<T extends object>(policy: T): policy is T & SettingsAccessPolicy {
  return typeof (policy as Partial<SettingsAccessPolicy>).settingsScopeFor === 'function';
}
