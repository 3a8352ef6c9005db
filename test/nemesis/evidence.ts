import type { Operation } from './history.js';
import type { Settings } from './settings.js';
import type { SocketCensus, SocketRecord } from './socket-history.js';

/** A session as the database has it at the end; times on the clock of the run. */
export interface LedgerSession {
  readonly id: string;
  readonly user: string;
  readonly client: string | null;
  readonly deviceType: string;
  readonly status: string;
  readonly version: number;
  readonly generation: number;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly lastAccessedAt: number;
  readonly endedAt: number | null;
  readonly endReason: string | null;
  readonly dataVersion: number;
  /** The revoked session that it has taken the place of. */
  readonly restoredFrom: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A job over many sessions as the database has it at the end. */
export interface LedgerJob {
  readonly id: string;
  readonly status: string;
  /** What it asks of sessions: all of these. */
  readonly filter: { readonly userId?: string; readonly clientId?: string };
  /** No other job has the same. */
  readonly reason: string;
  readonly changed: number;
  readonly skipped: number;
  readonly matched: number;
  readonly createdAt: number;
  readonly finishedAt: number | null;
}

/** A row of the change log. */
export interface LedgerEvent {
  readonly id: number;
  /** Rows of one transaction happened at once. */
  readonly transaction: string;
  /** When its transaction committed: the order in which others could see it. */
  readonly committedAt: number;
  readonly type: string;
  readonly session: string | null;
  readonly user: string | null;
  readonly reason: string | null;
  /** Of a cut-off: sessions of its user that were created at this moment or before are over. */
  readonly notBefore: number | null;
}

/** The truth: what the database holds behind the run. */
export interface Ledger {
  readonly sessions: readonly LedgerSession[];
  readonly events: readonly LedgerEvent[];
  readonly jobs: readonly LedgerJob[];
}

/** Something that was done to the cluster. Times on the clock of the run. */
export interface FaultRecord {
  readonly name: string;
  readonly concerns: FaultConcern;
  /** The node that it was done to; `null` for what all nodes share. */
  readonly node: string | null;
  readonly begun: number;
  healed: number;
  /** When every node answered that it is healthy; `null` where that did not come in time. */
  recovered: number | null;
}

export type FaultConcern = 'node' | 'database' | 'network' | 'redis';

/** A stretch of time in which a node could not answer, since its process was stopped, going, gone or starting. */
export interface Absence {
  readonly node: string;
  readonly from: number;
  until: number;
}

/** The end of a server's process. */
export interface ProcessEnd {
  readonly node: string;
  readonly at: number;
  readonly asked: 'kill' | 'terminate' | null;
  readonly code: number | null;
  /** From the signal to the end. */
  readonly tookMs: number;
  /** Its last words. */
  readonly output: string;
  /** Behind SIGTERM with a healthy database: the last accesses that the database has, by session. */
  readonly storedAccesses?: ReadonlyMap<string, number>;
}

/** Seen by the watcher: more live sessions in a scope than the limit, in one snapshot. */
export interface OverLimit {
  readonly at: number;
  readonly scope: string;
  readonly sessions: readonly string[];
}

/** Seen by the watcher: the row of an ended session that has changed. */
export interface ChangedEnd {
  readonly session: string;
  readonly before: string;
  readonly after: string;
  /** Nothing but the version, as where the end is undone. */
  readonly isVersionAlone: boolean;
}

/** What the watcher has seen. */
export interface Observations {
  readonly samples: number;
  readonly overLimit: readonly OverLimit[];
  readonly changedEnds: readonly ChangedEnd[];
}

/** What Redis holds under the key of a session; `null` for what cannot be read. */
export interface SharedEntry {
  readonly session: string;
  readonly record: Pick<LedgerSession, 'id' | 'user' | 'status' | 'version' | 'generation'> | null;
}

/** Everything that the checker judges. */
export interface Evidence {
  readonly settings: Settings;
  readonly operations: readonly Operation[];
  readonly faults: readonly FaultRecord[];
  readonly absences: readonly Absence[];
  readonly ends: readonly ProcessEnd[];
  readonly observations: Observations;
  readonly ledger: Ledger;
  /** What Redis held behind the quiet period; empty without Redis. */
  readonly sharedLevel: readonly SharedEntry[];
  readonly sockets: readonly SocketRecord[];
  readonly census: SocketCensus;
}

/** A broken promise, with what shows it. */
export interface Violation {
  readonly invariant: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'P3' | 'P4' | 'data' | 'bulk' | 'undo';
  readonly what: string;
  readonly operations: readonly Operation[];
  readonly sockets?: readonly SocketRecord[];
}
