import type { CutOff } from '../core/cut-off.js';

/**
 * A node that has not read the log for this long begins anew, so nothing younger may be removed from it. Rows are as old
 * as their statement and visible from their commit on: what is kept must be kept for twice as long, which leaves a
 * transaction an hour.
 */
export const LOG_HORIZON_MS = 3_600_000;

/** One row of the change log, as far as a node needs it to stay in step. */
export interface LoggedChange {
  readonly type: string;
  readonly sessionId: string | null;
  /** The version that the session has from this change on. */
  readonly version: number | null;
  /** What a row of type `cut_off` tells of. */
  readonly cutOff?: CutOff;
}

/** A row with what it tells to people and to listeners: who did what to whom, when and why. Nothing in it is secret. */
export interface LoggedEvent extends LoggedChange {
  /** `null` where it is about more than one user. */
  readonly userId: string | null;
  /** `null` in an application without tenants. */
  readonly tenantId: string | null;
  readonly reason: string | null;
  /** The user, or what part of the system, that did it. */
  readonly actor: string | null;
  /** Of `data_changed` alone: the names of the top-level members that were changed. */
  readonly keys?: readonly string[];
  /** Of `created` where the session takes the place of a revoked one: the id of that. */
  readonly restoredFrom?: string;
  /** When, in milliseconds on the database's clock; the commit came later. */
  readonly at: number;
}

/** What a read of the log found: everything that became visible since the position it began from. */
export interface LogRead<TChange extends LoggedChange = LoggedChange> {
  /** Those of one session in the order of their versions. */
  readonly changes: readonly TChange[];
  /** Where the next read begins: opaque to everybody but the log. */
  readonly position: string;
  /** The first transaction id that had not been given out; never goes back while one server lives. */
  readonly nextTransaction: bigint;
  /** Changes when the server was started anew: after a crash, transaction ids can be used twice. */
  readonly serverStartedAt: string;
  /** The database's clock, in milliseconds; not earlier than what was read became visible. */
  readonly now: number;
  /** The same, but not later: everything that was committed by then has been read. */
  readonly asOf: number;
}

/** What a node knows once it has taken a position. */
export interface LogOpening extends LogRead {
  /** All cut-offs there are, as of the position or later. */
  readonly cutOffs: readonly CutOff[];
}

/**
 * A connection to the change log, owned by the tail alone. Any rejection means that the connection is gone: the next
 * read is from a new one, and from a new position.
 */
export interface ChangeLogConnection<TChange extends LoggedChange = LoggedChange> {
  /** Takes a position: what is visible now has been seen, whatever it was. */
  open(): Promise<LogOpening>;
  /** Everything that is visible now and was not at `position`, whatever order it was committed in. */
  readSince(position: string): Promise<LogRead<TChange>>;
  close(): Promise<void>;
}
