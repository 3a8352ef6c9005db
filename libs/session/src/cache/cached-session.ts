import type { SessionRecord } from '../core/session.js';
import type { Lease } from './lease.js';

/**
 * A session as this node holds it in memory: the record, how long it may be trusted, and what has been accessed since
 * it was read. The record never changes; a newer one takes the place of the whole entry.
 */
export class CachedSession implements Lease {
  /** The latest access that this node knows of, in milliseconds on the database's clock. */
  lastAccessedAt: number;
  lastIp: string | null;
  /** The access that the database is known to have. */
  storedAccessAt: number;
  /** When the first access was buffered that the database does not have; 0 if it has them all. */
  dirtySince = 0;
  /** The access that other nodes were last told of. */
  sharedAccessAt: number;
  /** The user agent that needs no comparison any more: the session's, or one that counts as the same. */
  knownAgent: string | null;
  /** What a check of the session answers; made by its first request and kept, so that later ones allocate nothing. */
  view: unknown = undefined;

  constructor(
    readonly record: SessionRecord,
    readonly monotonicUntil: number,
    readonly wallUntil: number,
  ) {
    this.lastAccessedAt = record.lastAccessedAt;
    this.lastIp = record.lastIp;
    this.storedAccessAt = record.lastAccessedAt;
    this.sharedAccessAt = record.lastAccessedAt;
    this.knownAgent = record.userAgent;
  }
}
