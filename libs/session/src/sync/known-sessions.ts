import { CachedSession } from '../cache/cached-session.js';
import type { SessionCache } from '../cache/session-cache.js';
import { isLive } from '../core/lifecycle.js';
import type { SessionRecord } from '../core/session.js';
import type { LoggedChange } from './change-log.js';
import type { ProcessClocks } from './node-clock.js';
import type { RememberedVersions } from './remembered-versions.js';
import type { Moment, SessionLoader } from './session-loader.js';
import type { TouchBuffer } from './touch-buffer.js';

/** Whether what was read of the change log is recent enough to vouch for everything in memory. */
export interface LogLease {
  holds(monotonic: number, wall: number): boolean;
}

/**
 * What this node knows of sessions. A look-up awaits nothing while the change log's lease holds, or the entry's own from
 * its load; every change that the node makes is applied here before anyone is told of its success.
 */
export class KnownSessions {
  #restartedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly cache: SessionCache,
    private readonly loader: SessionLoader,
    private readonly touches: TouchBuffer,
    private readonly clocks: ProcessClocks,
    private readonly maxStalenessMs: number,
    private readonly versions: RememberedVersions,
    private readonly log: LogLease,
  ) {}

  /** The session, live or ended, if this node may trust what it has of it. */
  trusted(id: string): CachedSession | undefined {
    const entry = this.cache.get(id);
    if (entry === undefined) return undefined;
    const monotonic = this.clocks.monotonic();
    const wall = this.clocks.wall();
    if (monotonic < entry.monotonicUntil && wall < entry.wallUntil) return entry;
    return this.log.holds(monotonic, wall) ? entry : undefined;
  }

  /**
   * The session from the primary. With `fresh`, as it is after the call began.
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE`
   */
  async load(id: string, fresh = false): Promise<CachedSession | undefined> {
    const loaded = await this.loader.load(id, fresh);
    if (loaded.record === undefined) {
      if (!loaded.overtaken) this.cache.delete(id);
      return undefined;
    }
    const entry = this.#entryOf(loaded.record, loaded);
    this.touches.adopt(entry);
    return loaded.overtaken ? entry : this.cache.put(entry);
  }

  /** Now, as the start of a lease. */
  moment(): Moment {
    return { begunAt: this.clocks.monotonic(), begunAtWall: this.clocks.wall() };
  }

  /**
   * Takes in the outcome of a change that is durable. From here on nobody is answered from before it: loads under way
   * are not kept, and the entry is the new record. `since` is when the change began; what others do after it may be
   * missing, so trust counts from there.
   */
  apply(records: readonly SessionRecord[], since: Moment): void {
    for (const record of records) {
      const { id, version } = record;
      this.loader.overtake(id);
      const entry = this.#entryOf(record, since);
      if (isLive(record.status)) this.touches.adopt(entry);
      else this.touches.drop(id);
      // Somebody else may have changed it since, and this node may have read of that, or begun anew after it.
      if (since.begunAt <= this.#restartedAt || this.versions.isOutdated(id, version, since.begunAt)) {
        this.cache.delete(id);
      } else if (isLive(record.status) || this.cache.get(id) !== undefined) {
        // An ended session that nobody asks for here would only take the place of one in use.
        this.cache.put(entry);
      }
      if (version > 1) this.versions.note(id, version, since.begunAt);
    }
  }

  /** As `apply`, where what has been committed is not known for sure: the next check asks the database. */
  forget(ids: readonly string[]): void {
    for (const id of ids) {
      this.loader.overtake(id);
      this.cache.delete(id);
    }
  }

  /** Takes in changes that were read from the log: what is older than them is forgotten, here and on its way here. */
  applyLogged(changes: readonly LoggedChange[]): void {
    const now = this.clocks.monotonic();
    for (const { sessionId, version } of changes) {
      if (sessionId === null || version === null) continue;
      this.loader.overtake(sessionId);
      // Nothing is older than the first version.
      if (version > 1) this.versions.note(sessionId, version, now);
      const entry = this.cache.get(sessionId);
      if (entry !== undefined && entry.record.version < version) this.cache.delete(sessionId);
    }
  }

  /** Forgets everything but what is not written yet: changes may have been missed. */
  restart(): void {
    this.#restartedAt = this.clocks.monotonic();
    this.loader.overtakeAll();
    this.cache.clear();
  }

  #entryOf(record: SessionRecord, { begunAt, begunAtWall }: Moment): CachedSession {
    return new CachedSession(record, begunAt + this.maxStalenessMs, begunAtWall + this.maxStalenessMs);
  }
}
