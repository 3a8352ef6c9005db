import { CachedSession } from '../cache/cached-session.js';
import { haveParted, isHeld } from '../cache/lease.js';
import type { SessionCache } from '../cache/session-cache.js';
import { isLive } from '../core/lifecycle.js';
import type { SessionRecord } from '../core/session.js';
import type { LoggedChange } from './change-log.js';
import type { LogProgress } from './log-progress.js';
import type { ProcessClocks } from './node-clock.js';
import type { RememberedVersions } from './remembered-versions.js';
import type { LoadedSession, Moment, SessionLoader } from './session-loader.js';
import type { SharedLevel } from './shared-level.js';
import type { TouchBuffer } from './touch-buffer.js';
import type { UnknownIds } from './unknown-ids.js';

export interface KnownSessionsPorts {
  readonly cache: SessionCache;
  readonly loader: SessionLoader;
  readonly touches: TouchBuffer;
  readonly clocks: ProcessClocks;
  /** For how long what was loaded may be trusted without the log, from when the load began. */
  readonly maxStalenessMs: number;
  readonly versions: RememberedVersions;
  readonly unknown: UnknownIds;
  readonly log: Pick<LogProgress, 'holds' | 'openedAt'>;
  /** The level between memory and the primary, where there is one. */
  readonly shared?: SharedLevel | undefined;
}

/** How often sessions were looked up where since the node began, and how much it holds now. */
export interface KnownSessionsFigures {
  readonly inMemory: number;
  readonly inShared: number;
  readonly inDatabase: number;
  readonly nowhere: number;
  /** Loads that were not kept, because a change was applied while they were under way. */
  readonly overtaken: number;
  /** Records that were not kept, because a newer version had been read of. */
  readonly outdated: number;
  readonly loads: SessionLoader['counts'];
  /** What came of questions to the level that nodes share, where there is one. */
  readonly shared: SharedLevel['counts'] | undefined;
  readonly waitingLoads: number;
  readonly cached: number;
  readonly rememberedVersions: number;
}

/**
 * What this node knows of sessions. A look-up awaits nothing while the change log's lease holds, or the entry's own from
 * its load; every change that the node makes is applied here before anyone is told of its success.
 */
export class KnownSessions {
  /** Since the node began: where sessions were found, and which records came too late to be kept. */
  readonly counts = { inMemory: 0, inShared: 0, inDatabase: 0, nowhere: 0, overtaken: 0, outdated: 0 };
  #restartedAt = Number.NEGATIVE_INFINITY;
  // Not looked up on the way of a request.
  private readonly cache: SessionCache;
  private readonly clocks: ProcessClocks;
  private readonly log: KnownSessionsPorts['log'];

  constructor(private readonly ports: KnownSessionsPorts) {
    this.cache = ports.cache;
    this.clocks = ports.clocks;
    this.log = ports.log;
  }

  /** For whoever watches the node. */
  get figures(): KnownSessionsFigures {
    const { loader, versions, shared } = this.ports;
    return {
      ...this.counts,
      loads: loader.counts,
      shared: shared?.counts,
      waitingLoads: loader.waiting,
      cached: this.cache.size,
      rememberedVersions: versions.size,
    };
  }

  /** The session, live or ended, if this node may trust what it has of it. */
  trusted(id: string): CachedSession | undefined {
    const entry = this.cache.get(id);
    if (entry === undefined) return undefined;
    const monotonic = this.clocks.monotonic();
    const wall = this.clocks.wall();
    if (!isHeld(entry, monotonic, wall) && !this.log.holds(monotonic, wall)) return undefined;
    this.counts.inMemory += 1;
    return entry;
  }

  /** True where what memory has of the session may be trusted for so long from now on, if nothing is heard of it. */
  isHeldFor(id: string, aheadMs: number): boolean {
    const entry = this.cache.get(id);
    if (entry === undefined) return false;
    const monotonic = this.clocks.monotonic() + aheadMs;
    const wall = this.clocks.wall() + aheadMs;
    return isHeld(entry, monotonic, wall) || this.log.holds(monotonic, wall);
  }

  /**
   * True where a session that was live at `liveAt`, in milliseconds on the database's clock, cannot be over without this
   * node having applied it, but for what it may trust.
   */
  vouchesFor(id: string, liveAt: number): boolean {
    const { log, clocks } = this;
    return (liveAt >= log.openedAt && log.holds(clocks.monotonic(), clocks.wall())) || this.isHeldFor(id, 0);
  }

  /**
   * The session from the shared level or the primary. With `fresh` from the primary alone, as it is after the call began.
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE`
   */
  async load(id: string, fresh = false): Promise<CachedSession | undefined> {
    const { unknown, shared, loader, touches } = this.ports;
    if (!fresh) {
      if (unknown.has(id, this.clocks.monotonic()) && this.#logHolds()) {
        this.counts.nowhere += 1;
        return undefined;
      }
      const found = shared?.accept(id, await shared.fetch(id));
      if (found !== undefined) {
        this.counts.inShared += 1;
        touches.adopt(found);
        return this.cache.put(found);
      }
    }
    const loaded = await loader.load(id, fresh);
    if (loaded.record === undefined) {
      this.counts.nowhere += 1;
      if (!loaded.overtaken) {
        this.cache.delete(id);
        unknown.note(id, loaded.begunAt);
      }
      return undefined;
    }
    this.counts.inDatabase += 1;
    const entry = this.#entryOf(loaded.record, loaded);
    touches.adopt(entry);
    if (!this.#mayKeep(entry, loaded)) return entry;
    shared?.tell(loaded.record, loaded.asOf);
    return this.cache.put(entry);
  }

  /**
   * Loads sessions that nobody has asked for yet, from the primary and into memory alone. Gives how many are kept: not
   * those that have ended, or that were changed while they were loaded.
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE`
   */
  async warm(ids: readonly string[]): Promise<number> {
    let kept = 0;
    await Promise.all(
      ids.map(async (id) => {
        const loaded = await this.ports.loader.load(id, true);
        if (loaded.record === undefined || !isLive(loaded.record.status)) return;
        const entry = this.#entryOf(loaded.record, loaded);
        this.ports.touches.adopt(entry);
        if (!this.#mayKeep(entry, loaded)) return;
        this.cache.put(entry);
        kept += 1;
      }),
    );
    return kept;
  }

  /** True where an entry is from a load that began at `moment` or later, and so no older than that. */
  isAsOf(entry: CachedSession, moment: Moment): boolean {
    return entry.monotonicUntil >= moment.begunAt + this.ports.maxStalenessMs;
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
    const { loader, touches, versions, unknown, shared } = this.ports;
    const hasSlept = haveParted(this.clocks.monotonic() - since.begunAt, this.clocks.wall() - since.begunAtWall);
    for (const record of records) {
      const { id, version } = record;
      loader.overtake(id);
      unknown.forget(id);
      const entry = this.#entryOf(record, since);
      if (isLive(record.status)) touches.adopt(entry);
      else touches.drop(id);
      // Somebody else may have changed it since, and this node may have read of that, or begun anew after it.
      if (since.begunAt <= this.#restartedAt || versions.isOutdated(id, version, since.begunAt)) {
        this.counts.outdated += 1;
        this.cache.delete(id);
      } else {
        // An ended session that nobody asks for here would only take the place of one in use.
        if (isLive(record.status) || this.cache.get(id) !== undefined) this.cache.put(entry);
        // Across a sleep nobody here can tell when that was.
        if (!hasSlept) shared?.tellChanged(record, since.begunAt);
      }
      if (version > 1) versions.note(id, version, since.begunAt);
    }
  }

  /**
   * As `apply`, where what has been committed is not known for sure: the next check asks the database. The records are
   * what the change would have made of them; older ones are not taken from the shared level any more.
   */
  forget(records: readonly Pick<SessionRecord, 'id' | 'version'>[]): void {
    const { loader, versions, unknown } = this.ports;
    const now = this.clocks.monotonic();
    for (const { id, version } of records) {
      loader.overtake(id);
      unknown.forget(id);
      this.cache.delete(id);
      if (version > 1) versions.note(id, version, now);
    }
  }

  /** Takes in changes that were read from the log: what is older than them is forgotten, here and on its way here. */
  applyLogged(changes: readonly LoggedChange[]): void {
    const { loader, versions, unknown } = this.ports;
    const now = this.clocks.monotonic();
    for (const { sessionId, version } of changes) {
      if (sessionId === null || version === null) continue;
      loader.overtake(sessionId);
      // Nothing is older than the first version.
      if (version > 1) versions.note(sessionId, version, now);
      else unknown.forget(sessionId);
      const entry = this.cache.get(sessionId);
      if (entry !== undefined && entry.record.version < version) this.cache.delete(sessionId);
    }
  }

  /** Forgets everything but what is not written yet: changes may have been missed. */
  restart(): void {
    this.#restartedAt = this.clocks.monotonic();
    this.ports.loader.overtakeAll();
    this.ports.unknown.clear();
    this.cache.clear();
  }

  /** Changes are applied between the answer of a load and this, too. */
  #mayKeep({ record }: CachedSession, { begunAt, overtaken }: LoadedSession): boolean {
    const isLate = begunAt <= this.#restartedAt || this.ports.versions.isOlder(record.id, record.version);
    if (overtaken || isLate) this.counts[overtaken ? 'overtaken' : 'outdated'] += 1;
    return !overtaken && !isLate;
  }

  #logHolds(): boolean {
    return this.log.holds(this.clocks.monotonic(), this.clocks.wall());
  }

  #entryOf(record: SessionRecord, { begunAt, begunAtWall }: Moment): CachedSession {
    const { maxStalenessMs } = this.ports;
    return new CachedSession(record, begunAt + maxStalenessMs, begunAtWall + maxStalenessMs);
  }
}
