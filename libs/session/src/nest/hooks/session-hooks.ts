import type { EntityManager } from 'typeorm';
import type { SessionFacts } from '../../core/session.js';
import type { SessionNotice } from '../notices/session-notice.js';
import type { Session } from '../session/session.js';
import type { SignInInput } from '../sign-in/sign-in.js';

/** What an operation was called with, beside its subject. */
export interface HookContext {
  /** As the caller gave it; `undefined` where there is none, as in what administrators and jobs do. */
  readonly request: unknown;
  /** The caller's transaction, if the operation is part of one. */
  readonly manager: EntityManager | undefined;
}

export interface SignInHookContext extends HookContext {
  /** Who signs in from what, as it will be stored. */
  readonly facts: SessionFacts;
  readonly ip: string | null;
  /** The live session of the same browser that the sign-in replaces. */
  readonly replaces: string | null;
  /** The revoked session that is restored: nobody has verified credentials, its token was presented. Else absent. */
  readonly restoredFrom?: string;
}

/** A change of a live session; `undo` is one of a session that was revoked. */
export interface SessionChange {
  readonly kind: 'rename' | 'rotate' | 'elevate' | 'complete' | 'suspend' | 'resume' | 'undo' | 'data' | 'user_data';
  /** Before the change as it was last read, after it as it is then; `null` for `user_data`, which is about all of a user. */
  readonly session: Session | null;
  readonly userId: string;
  readonly tenantId: string | null;
  readonly reason: string;
  /** The user, or what part of the system, that does it. */
  readonly by: string | null;
}

/** The end of one session by its owner, from another one, or by an administrator. */
export interface SessionEnd {
  readonly kind: 'revoke' | 'reject';
  readonly session: Session;
  readonly reason: string;
  readonly by: string | null;
}

/**
 * The application's part in what is done to sessions on this node. All methods are optional; hooks are asked in the order of
 * the option `hooks`, one after the other.
 *
 * `before…` is asked outside of locks and transactions of the module; a caller's
 * own transaction is open. `refuse(reason)`, thrown or answered, is 403 `REFUSED_BY_HOOK`; an `IdentitySessionError` or an
 * `HttpException` goes to the caller as it is. Whatever else it throws, or no answer within `hookDeadlineMs`, fails closed: 503
 * `HOOK_FAILED`. Nothing has been changed then. Any other answer lets the operation go on.
 *
 * `after…` is called when the change is durable, with a caller's transaction after its commit and never if it is rolled
 * back. Nobody waits for it; what it throws is logged and harms nothing. A node that dies may leave it uncalled.
 *
 * What ends or changes without being asked for is told by events only: expiry and cleanup, evictions and replacements by a
 * sign-in, cut-offs, bulk ends, scheduled rotation, drift.
 */
export interface SessionHooks {
  beforeSignIn?(input: SignInInput, context: SignInHookContext): unknown;
  /** Also of a sign-in that waits for more: its `status` is `pending` then. */
  afterSignIn?(session: Session, context: SignInHookContext): unknown;
  /** Not for a session that is over already. */
  beforeSignOut?(session: Session, context: HookContext): unknown;
  afterSignOut?(session: Session, context: HookContext): unknown;
  beforeChange?(change: SessionChange, context: HookContext): unknown;
  afterChange?(change: SessionChange, context: HookContext): unknown;
  beforeEnd?(end: SessionEnd, context: HookContext): unknown;
  afterEnd?(end: SessionEnd, context: HookContext): unknown;
  /**
   * A notice to a user, ready to be sent, whatever was done on whichever node: once for its event, over all nodes, or again
   * with the same `id` where a node died or a hook failed, as a durable listener is told. It resolves once the notice
   * is on its way. Needs the PostgreSQL store.
   */
  onNotice?(notice: SessionNotice): unknown;
}
