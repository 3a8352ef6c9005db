/** What of an ended session others must know: from this version on it is over. */
export interface EndedVersion {
  readonly id: string;
  readonly version: number;
}

/** What one batch has done. */
export interface CleanupBatch {
  readonly ended: readonly EndedVersion[];
  /** Sessions that it looked at: fewer than the limit means that was all, or that somebody else is at it. */
  readonly seen: number;
}

/** When sessions count as over for the cleanup. */
export interface CleanupRules {
  /** Touches may be on their way: a session ends this long behind its idle limit and not before. */
  readonly graceMs: number;
  /** Nothing ends for idleness now: touches could not be written lately. It is looked at again after `recoveryMs`. */
  readonly sparesIdle: boolean;
  /** The same by the store itself, for this long after it was started. */
  readonly recoveryMs: number;
}

/** A place in the order in which live sessions are gone through. */
export interface WalkPosition {
  readonly createdAt: number;
  readonly id: string;
}

/** What is looked for in live sessions that nothing marks as due. Absent: not looked for. */
export interface WalkRules extends CleanupRules {
  readonly inactiveAfterMs: number | undefined;
  readonly scrubAfterMs: number | undefined;
}

export interface WalkPage extends CleanupBatch {
  /** Sessions that lost addresses. */
  readonly scrubbed: number;
  /** Where the next page begins; `null` after the last, and where somebody else is at it. */
  readonly last: WalkPosition | null;
}

/** What the cleanup of all nodes has done so far. */
export interface CleanupState {
  /** When a run last came to its end, in milliseconds; `null` before the first. */
  readonly lastRunAt: number | null;
  readonly ended: number;
  /** Ended sessions that were removed. */
  readonly removed: number;
  /** Sessions that lost their addresses. */
  readonly scrubbed: number;
}

/**
 * What a store can do to end and to forget; not every store has it. Each call is one short transaction that waits for
 * nobody: rows that somebody has locked are left out, and where another node is at it, nothing is done. What it ends is
 * logged in the same transaction, once for each session, however many nodes try.
 */
export interface SessionCleanupStore {
  /**
   * Looks at up to `limit` sessions whose time seems over. Ends those for which it is, as `expired` or, where a cut-off
   * covers them, as `revoked`; the others were touched meanwhile and are looked at again when they are due.
   */
  endDue(rules: CleanupRules, limit: number): Promise<CleanupBatch>;
  /** Writes down the end of up to `limit` live sessions that cut-offs cover. */
  endCutOff(limit: number): Promise<CleanupBatch>;
  /** True for one caller in `everyMs`: going through all live sessions is for one node at a time. */
  claimWalk(everyMs: number): Promise<boolean>;
  /**
   * Goes through the next `limit` live sessions: ends those that nobody has used for `inactiveAfterMs`, and removes the
   * addresses that were not seen for `scrubAfterMs`. The latter raises no version: nothing is decided by an address.
   */
  walkLive(rules: WalkRules, after: WalkPosition | null, limit: number): Promise<WalkPage>;
  /** Removes up to `limit` sessions that ended longer than `retentionMs` ago; gives how many it were. */
  removeEnded(retentionMs: number, limit: number): Promise<number>;
  /** Removes the addresses of up to `limit` sessions that ended longer than `afterMs` ago; gives how many it were. */
  scrubEnded(afterMs: number, limit: number): Promise<number>;
  /** Notes that a run has come to its end. */
  noteCleanupRun(): Promise<void>;
  cleanupState(): Promise<CleanupState>;
}

/** True for a store that can be cleaned up. */
export function cleansUp<TStore extends object>(store: TStore): store is TStore & SessionCleanupStore {
  return 'endDue' in store && 'removeEnded' in store && 'noteCleanupRun' in store;
}
