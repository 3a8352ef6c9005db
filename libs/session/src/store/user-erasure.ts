import type { SessionSubject } from '../core/session.js';
import type { EndedVersion } from './session-cleanup.js';
import type { ChangeNote } from './session-store.js';

/** Sessions, or rows of the log, that one step of an erasure changes at most. */
export const ERASURE_PAGE = 500;

/**
 * Nodes that have not read the log for this long begin anew (`LOG_HORIZON_MS`): what is older, and no end of a session, may
 * go.
 */
export const READ_BY_ALL_MS = 3_600_000;

/** What one step has erased. */
export interface ErasedPage {
  /** Sessions that have lost what is personal, with their new versions. */
  readonly sessions: readonly EndedVersion[];
  /** Rows of the log that have, or are gone. */
  readonly entries: number;
  /** False where another step may find more. */
  readonly isDone: boolean;
}

/** Whose traces are removed, and what takes the place of the user's id. */
export interface Erasure extends SessionSubject {
  readonly pseudonym: string;
}

/**
 * A store that removes what is personal of a user's ended sessions: of the rows and of the log, and wherever else it keeps
 * something of the user. Ids of sessions, times and types stay, and so does what nodes must still read: no row of the log is
 * removed that tells of an end. What lives, and the log of it, is left alone.
 */
export interface UserErasureStore {
  /** Takes a step; each is atomic, and to be repeated until it says that it is done, after a crash as well. */
  erasePage(erasure: Erasure, note: ChangeNote): Promise<ErasedPage>;
  /** Notes that somebody was erased: by whom, when and why, and not who it was. */
  noteErasure(tenantId: string | null, note: ChangeNote, erased: { sessions: number; entries: number }): Promise<void>;
}

export function erasesUsers<T extends object>(store: T): store is T & UserErasureStore {
  return typeof (store as Partial<UserErasureStore>).erasePage === 'function';
}
