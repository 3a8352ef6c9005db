import type { SessionRecord, SessionSubject } from '../core/session.js';
import type { ChangeContext } from './change-context.js';
import type { Admission, AdmitOutcome, ChangeNote, SessionFilter, SessionScope } from './session-store.js';

/** The longest that a revocation can be undone for; whoever looks for those that can still be need look no further back. */
export const LONGEST_UNDO_MS = 3_600_000;

/**
 * Why a revocation is not undone, or not any more. `not_undoable`: no administrator ended it, or it was not active;
 * `own_session`: its user asks for it;
 * `too_late`: the time for it, or the session's own, is over; `already_undone`: it may be restored already; `changed`:
 * something of the user or the session has changed since; `not_undone`: nobody has undone it; `used`: it was restored;
 * `unknown`: there is no such session, or the token is not its current one.
 */
export type UndoRefusal =
  'not_undoable' | 'own_session' | 'too_late' | 'already_undone' | 'changed' | 'not_undone' | 'used' | 'unknown';

/** Which revocation is to be undone. */
export interface Undo {
  readonly scope: SessionScope;
  readonly id: string;
  /** From the end on, for both steps; at most `LONGEST_UNDO_MS`. */
  readonly windowMs: number;
}

export type UndoOutcome =
  | {
      readonly kind: 'undone';
      /** The ended session. */
      readonly session: SessionRecord;
      /** Until when it can be restored, in milliseconds on the store's clock. */
      readonly restorableUntil: number;
    }
  | { readonly kind: 'refused'; readonly reason: UndoRefusal };

/** The new session that takes the place of a revoked one. What it does not say is as it was. */
export interface Restoration extends Pick<
  Admission,
  'id' | 'facts' | 'tokenDigest' | 'policy' | 'idleTimeoutMs' | 'absoluteLifetimeMs' | 'terms' | 'answer' | 'question'
> {
  /** The revoked session. */
  readonly from: string;
  /** Of the token that is presented as its current one. */
  readonly presentedDigest: Uint8Array;
  /** Kept with the log rows of the old and of the new session. */
  readonly context?: ChangeContext;
}

export type RestoreOutcome =
  | {
      readonly kind: 'restored';
      readonly session: SessionRecord;
      /** The revoked session, which stays so. */
      readonly from: SessionRecord;
      readonly evicted: readonly SessionRecord[];
      readonly ended: readonly SessionRecord[];
    }
  | { readonly kind: 'refused'; readonly reason: UndoRefusal; readonly ended: readonly SessionRecord[] }
  | Exclude<AdmitOutcome, { readonly kind: 'admitted' }>;

/**
 * What a store can do that lets an administrator undo a revocation; not every store does. Only what `endMany` has ended with
 * `undoable` can be undone.
 */
export interface SessionUndoStore {
  /** Permits that the session be restored, once. `undefined` where there is none with the id in scope. */
  undo(undo: Undo, note: ChangeNote): Promise<UndoOutcome | undefined>;
  /**
   * Makes the new session and uses the permit up, decided by the policy and serialised with every other admission of the
   * subject. Of several at once one is restored.
   */
  restore(restoration: Restoration): Promise<RestoreOutcome>;
  /** Something has changed of a user: nothing that was revoked of theirs before can be restored any more. */
  settleUndo(subject: SessionSubject): Promise<void>;
  /** Takes back what was permitted of sessions that match, whatever status the filter names. */
  withdrawUndo(filter: SessionFilter): Promise<void>;
}

/** True for a store that lets revocations be undone. */
export function keepsUndo<TStore extends object>(store: TStore): store is TStore & SessionUndoStore {
  return 'undo' in store && 'restore' in store && 'settleUndo' in store && 'withdrawUndo' in store;
}

/** The limits of the new session: those of the old one, or shorter ones where the rules have become stricter. */
export function restoredLimits(
  old: Pick<SessionRecord, 'idleTimeoutMs' | 'expiresAt' | 'authenticatedAt'>,
  { idleTimeoutMs, absoluteLifetimeMs }: Pick<Restoration, 'idleTimeoutMs' | 'absoluteLifetimeMs'>,
): { readonly idleTimeoutMs: number; readonly expiresAt: number } {
  return {
    idleTimeoutMs: Math.min(old.idleTimeoutMs, idleTimeoutMs),
    expiresAt: Math.min(old.expiresAt, old.authenticatedAt + absoluteLifetimeMs),
  };
}
