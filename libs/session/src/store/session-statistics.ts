import type { DeviceType } from '../core/session.js';
import type { SessionScope } from './session-store.js';

/** Different clients and reasons that are told apart; rarer ones are left out. */
export const MOST_KINDS_COUNTED = 100;

/** How many sessions there are, as of one moment. */
export interface SessionCounts {
  /** Those that a check would admit, or that wait or are suspended. */
  readonly live: number;
  /** Of these, by device; types without one are left out. */
  readonly byDeviceType: Readonly<Partial<Record<DeviceType, number>>>;
  /** And by client id; those without a client under the empty text. */
  readonly byClient: Readonly<Record<string, number>>;
  readonly signedInLast24h: number;
  /** By reason; an end counts once it is written down. */
  readonly endedLast24h: Readonly<Record<string, number>>;
}

/** A sign of life. */
export interface NodeBeat {
  /** Of the process, since two may have one name. */
  readonly id: string;
  readonly name: string;
  readonly uptimeMs: number;
  /** How long ago the last read of the change log had begun; `null` where there was none. */
  readonly tailLagMs: number | null;
  /** Sockets that it serves. */
  readonly connections: number;
  /** Sessions that it has begun since it was started. */
  readonly created: number;
  /** And those that it has ended. */
  readonly ended: number;
  /** Sessions that it has in memory. */
  readonly inMemory: number;
}

/** A node as its last sign of life had it. Times are milliseconds on the store's clock. */
export interface KnownNode {
  readonly name: string;
  readonly startedAt: number;
  readonly tailLagMs: number | null;
  readonly connections: number;
  readonly created: number;
  readonly ended: number;
  readonly inMemory: number;
}

/** What a store with an overview can tell; not every store has one. */
export interface StatisticsStore {
  /** May take a moment where there are many sessions: for administrators, and not for every request of theirs. */
  countSessions(scope: SessionScope): Promise<SessionCounts>;
  /** Notes that a node lives, and forgets those that have not been heard of for `goneAfterMs`. */
  noteNode(beat: NodeBeat, goneAfterMs: number): Promise<void>;
  /** Forgets a node that stops. */
  forgetNode(id: string): Promise<void>;
  /** Nodes that have been heard of within `goneAfterMs`, by name. */
  listNodes(goneAfterMs: number): Promise<readonly KnownNode[]>;
}

/** True for a store that has an overview. */
export function keepsStatistics<TStore extends object>(store: TStore): store is TStore & StatisticsStore {
  return 'countSessions' in store && 'noteNode' in store;
}
