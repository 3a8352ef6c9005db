import { CachedSession } from '../cache/cached-session.js';
import type { SessionCache } from '../cache/session-cache.js';
import type { SharedSession, SharedSessionCache } from '../cache/shared-session-cache.js';
import type { SessionRecord } from '../core/session.js';
import type { LogProgress } from './log-progress.js';
import type { NodeClock, ProcessClocks } from './node-clock.js';
import type { RememberedVersions } from './remembered-versions.js';

/** A shared session that claims to be of later than this node's time by more was written under another clock. */
const CLOCK_TOLERANCE_MS = 1_000;

export interface SharedLevelPorts {
  readonly shared: SharedSessionCache;
  /** The level in this process. */
  readonly memory: SessionCache;
  readonly versions: RememberedVersions;
  readonly log: LogProgress;
  readonly clock: NodeClock;
  readonly clocks: ProcessClocks;
  /** A session is shared for this long; versions must be remembered for twice as long. */
  readonly lifetimeMs: number;
}

/**
 * The rules of the level that all nodes share: what may be taken from it, and what is told to it. A shared session is
 * believed only where every change since it was known to be true would have been seen by this node: by the clock of the
 * same server it is no older than this node's position in the log and than what versions are remembered for, and it is of
 * no lower version than remembered.
 * Whatever the level answers, wrong, late or never, changes only where the answer to a check comes from.
 */
export class SharedLevel {
  /** Since the node began: what came of questions. What was found and may not be believed is refused. */
  readonly counts = { hits: 0, misses: 0, refused: 0 };
  readonly #underway = new Map<string, Promise<SharedSession | undefined>>();

  constructor(private readonly ports: SharedLevelPorts) {}

  /** What the level has of a session, to be given to `accept`; one question per session at a time. */
  async fetch(id: string): Promise<SharedSession | undefined> {
    // Without a position in the log nothing that is found could be believed.
    if (!this.#follows()) return undefined;
    let fetching = this.#underway.get(id);
    if (fetching === undefined) {
      fetching = this.ports.shared.get(id).finally(() => this.#underway.delete(id));
      this.#underway.set(id, fetching);
    }
    return fetching;
  }

  /**
   * What was fetched, to be trusted for as long as the log's lease holds, if it may be believed now; else `undefined`:
   * the primary has to be asked. To be kept before anything else runs.
   */
  accept(id: string, found: SharedSession | undefined): CachedSession | undefined {
    const isBelieved = found !== undefined && this.#isCurrent(id, found);
    this.counts[isBelieved ? 'hits' : found === undefined ? 'misses' : 'refused'] += 1;
    return isBelieved ? this.#entryOf(found) : undefined;
  }

  /** Tells the others of a record that the primary had at `asOf`, on the database's clock and never later than that. */
  tell(record: SessionRecord, asOf: number): void {
    if (!Number.isFinite(asOf)) return;
    const { lastAccessedAt, lastIp } = record;
    const { shared, log, lifetimeMs } = this.ports;
    shared.put({ record, asOf, server: log.server, lastAccessedAt, lastIp }, lifetimeMs);
  }

  /** Tells the others of a change of this node's own that began at `begunAt` (monotonic). */
  tellChanged(record: SessionRecord, begunAt: number): void {
    this.tell(record, this.ports.clock.earliest(begunAt));
  }

  /** Tells the others of accesses. Only of an entry in memory: one that was overtaken may be out of date. */
  tellAccess(entry: CachedSession): void {
    const { record, storedAccessAt, lastAccessedAt, lastIp } = entry;
    const { memory, log, shared, lifetimeMs } = this.ports;
    if (memory.get(record.id) !== entry || !Number.isFinite(log.appliedAsOf)) return;
    // Everything that was committed by then has been applied, and this entry is still here.
    const stored = { ...record, lastAccessedAt: storedAccessAt };
    shared.put({ record: stored, asOf: log.appliedAsOf, server: log.server, lastAccessedAt, lastIp }, lifetimeMs);
  }

  #follows(): boolean {
    return this.ports.log.holds(this.ports.clocks.monotonic(), this.ports.clocks.wall());
  }

  #isCurrent(id: string, { record, asOf, server }: SharedSession): boolean {
    const now = this.ports.clock.now();
    return (
      record.id === id &&
      this.#follows() &&
      server === this.ports.log.server &&
      asOf >= this.ports.log.openedAt &&
      asOf >= now - this.ports.lifetimeMs &&
      asOf <= now + CLOCK_TOLERANCE_MS &&
      !this.ports.versions.isOutdated(id, record.version, this.ports.clocks.monotonic())
    );
  }

  #entryOf({ record, lastAccessedAt, lastIp }: SharedSession): CachedSession {
    const entry = new CachedSession(record, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY);
    const latest = Math.min(lastAccessedAt, this.ports.clock.now());
    if (latest > entry.lastAccessedAt) {
      entry.lastAccessedAt = latest;
      entry.lastIp = lastIp;
    }
    entry.sharedAccessAt = entry.lastAccessedAt;
    return entry;
  }
}
