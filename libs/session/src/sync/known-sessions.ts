import { CachedSession } from '../cache/cached-session.js';
import type { SessionCache } from '../cache/session-cache.js';
import { isLive } from '../core/lifecycle.js';
import type { SessionRecord } from '../core/session.js';
import type { ProcessClocks } from './node-clock.js';
import type { Moment, SessionLoader } from './session-loader.js';
import type { TouchBuffer } from './touch-buffer.js';

/**
 * What this node knows of sessions. A look-up awaits nothing while the entry's lease holds; every change that the node
 * makes is applied here before anyone is told of its success.
 */
export class KnownSessions {
  constructor(
    private readonly cache: SessionCache,
    private readonly loader: SessionLoader,
    private readonly touches: TouchBuffer,
    private readonly clocks: ProcessClocks,
    private readonly maxStalenessMs: number,
  ) {}

  /** The session, live or ended, if this node may trust what it has of it. */
  trusted(id: string): CachedSession | undefined {
    const entry = this.cache.get(id);
    if (entry === undefined) return undefined;
    if (this.clocks.monotonic() >= entry.monotonicUntil || this.clocks.wall() >= entry.wallUntil) return undefined;
    return entry;
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
      this.loader.overtake(record.id);
      const entry = this.#entryOf(record, since);
      if (isLive(record.status)) this.touches.adopt(entry);
      else this.touches.drop(record.id);
      this.cache.put(entry);
    }
  }

  #entryOf(record: SessionRecord, { begunAt, begunAtWall }: Moment): CachedSession {
    return new CachedSession(record, begunAt + this.maxStalenessMs, begunAtWall + this.maxStalenessMs);
  }
}
