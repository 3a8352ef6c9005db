import type { CachedSession } from '../cache/cached-session.js';
import type { Clock } from '../core/clock.js';
import type { Touch, TouchOutcome } from '../store/session-store.js';

export interface TouchBufferOptions {
  /** A buffered access is in the database after this long at the latest. */
  readonly syncIntervalMs: number;
  /** And this long before the session would seem idle to those who only know the database. */
  readonly idleMarginMs: number;
  /** Other nodes are told of a session's accesses at most this often. Default: never. */
  readonly keepAccessMs?: number;
  /**
   * The most sessions with accesses that the database does not have. From half of it on they are written early; where
   * that fails, new ones take the place of those that have waited longest. Default: no bound.
   */
  readonly mostBuffered?: number;
}

export interface TouchBufferPorts {
  readonly touchMany: (touches: readonly Touch[]) => Promise<TouchOutcome>;
  readonly clock: Clock;
  /** Calls `task` once after `delayMs`; the answer cancels it. Must not keep the process alive. */
  readonly schedule: (task: () => void, delayMs: number) => () => void;
  /** Told of the first failed write after a successful one; the accesses stay buffered. */
  readonly onFailure: (error: unknown) => void;
  /** Tells the other nodes of an access; returns at once. */
  readonly share?: (session: CachedSession) => void;
}

/** Rows in one statement. */
const BATCH = 1_000;
/** Deadlines closer together than this share a flush. */
const COALESCE_MS = 200;
/** After failures a write is tried again with growing delays up to this. */
const LONGEST_RETRY_MS = 5_000;

/**
 * Keeps last accesses in memory and writes them in batches: at most one row write per session and sync interval, never
 * while a request waits. What fails or is locked stays buffered, with its newest time.
 *
 * The number of sessions is bounded, also for a node that sees more of them in an interval than it keeps in memory, and
 * while the database is away. Past the bound those are lost that nobody uses: a session that is used again is buffered
 * again.
 */
export class TouchBuffer {
  /** Since the node began. */
  readonly counts = { written: 0, skipped: 0, failures: 0, lost: 0 };
  readonly #dirty = new Map<string, CachedSession>();
  #wakeAt = Number.POSITIVE_INFINITY;
  #cancelWake: () => void = () => undefined;
  #flushing: Promise<void> | undefined;
  #failures = 0;
  #isStopped = false;
  /** After a failure nothing is written by itself until then. */
  #notBefore = Number.NEGATIVE_INFINITY;
  readonly #keepAccessMs: number;
  readonly #mostBuffered: number;

  constructor(
    private readonly options: TouchBufferOptions,
    private readonly ports: TouchBufferPorts,
  ) {
    this.#keepAccessMs = options.keepAccessMs ?? Number.POSITIVE_INFINITY;
    this.#mostBuffered = options.mostBuffered ?? Number.POSITIVE_INFINITY;
  }

  /** Sessions with accesses that the database does not have. */
  get size(): number {
    return this.#dirty.size;
  }

  /** Notes an access. Never goes back, never waits. */
  touch(session: CachedSession, at: number, ip: string | null): void {
    if (session.dirtySince === 0) this.#begin(session, at);
    if (at > session.lastAccessedAt) session.lastAccessedAt = at;
    if (ip !== null) session.lastIp = ip;
    if (at - session.sharedAccessAt >= this.#keepAccessMs) {
      session.sharedAccessAt = at;
      this.ports.share?.(session);
    }
  }

  /** Carries what is buffered for a session over to its new entry. To be called whenever one takes the other's place. */
  adopt(session: CachedSession): void {
    const buffered = this.#dirty.get(session.record.id);
    if (buffered === undefined || buffered === session) return;
    if (buffered.lastAccessedAt >= session.lastAccessedAt) session.lastIp = buffered.lastIp;
    session.lastAccessedAt = Math.max(session.lastAccessedAt, buffered.lastAccessedAt);
    session.dirtySince = buffered.dirtySince;
    // Should it be the one that stays after all, its next access takes everything back.
    buffered.dirtySince = 0;
    this.#dirty.set(session.record.id, session);
  }

  /** The latest access that is buffered for a session, or 0. */
  bufferedAccess(id: string): number {
    return this.#dirty.get(id)?.lastAccessedAt ?? 0;
  }

  /** Writes what is buffered for one session, before it ends. Fails never. */
  async flushOne(id: string): Promise<void> {
    const session = this.#dirty.get(id);
    if (session !== undefined) await this.#write([session]);
  }

  /** Forgets what is buffered for a session that has ended. */
  drop(id: string): void {
    this.#dirty.delete(id);
  }

  /**
   * Writes everything that is buffered, now, and waits for that no longer than `withinMs`. Fails never; what could not be
   * written stays buffered.
   */
  async flushAll(withinMs = Number.POSITIVE_INFINITY): Promise<void> {
    const whole = this.#flushWhole();
    if (withinMs === Number.POSITIVE_INFINITY) return whole;
    let cancel: () => void = () => undefined;
    const deadline = new Promise<void>((resolve) => {
      cancel = this.ports.schedule(resolve, withinMs);
    });
    await Promise.race([whole, deadline]);
    cancel();
  }

  /** Only the entry in the map is dirty: another one of the same session, kept or passing, hands over to it. */
  #begin(session: CachedSession, at: number): void {
    if (this.#dirty.has(session.record.id)) this.adopt(session);
    else {
      if (this.#dirty.size >= this.#mostBuffered) this.#loseOldest();
      session.dirtySince = at;
      this.#dirty.set(session.record.id, session);
    }
    this.#wakeBy(this.#isCrowded ? at : this.#deadlineOf(session));
  }

  get #isCrowded(): boolean {
    return this.#dirty.size > this.#mostBuffered / 2;
  }

  /**
   * Those that have waited longest, since the map keeps the order; the next access of one buffers it again. A hundredth at
   * once: a map is slow to give its first entry after many that were deleted before it.
   */
  #loseOldest(): void {
    let left = Math.ceil(this.#mostBuffered / 100);
    for (const [id, session] of this.#dirty) {
      session.dirtySince = 0;
      this.#dirty.delete(id);
      this.counts.lost += 1;
      left -= 1;
      if (left === 0) return;
    }
  }

  /** Writes what it can within the time and then no more by itself. */
  async stop(withinMs = Number.POSITIVE_INFINITY): Promise<void> {
    this.#isStopped = true;
    this.#cancelWake();
    await this.flushAll(withinMs);
  }

  async #flushWhole(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    await this.#flush(Number.POSITIVE_INFINITY);
  }

  #deadlineOf(session: CachedSession): number {
    return Math.min(
      session.dirtySince + this.options.syncIntervalMs,
      session.storedAccessAt + session.record.idleTimeoutMs - this.options.idleMarginMs,
    );
  }

  #wakeBy(wanted: number): void {
    const deadline = Math.max(wanted, this.#notBefore);
    if (deadline >= this.#wakeAt || this.#isStopped) return;
    this.#cancelWake();
    this.#wakeAt = deadline;
    const delay = Math.max(0, deadline - this.ports.clock.now());
    this.#cancelWake = this.ports.schedule(
      () => {
        this.#wakeAt = Number.POSITIVE_INFINITY;
        void this.#flush(this.ports.clock.now() + COALESCE_MS);
      },
      Math.min(delay, this.options.syncIntervalMs),
    );
  }

  /** Writes what is due by `until`, then sleeps until the next deadline. One flush at a time. */
  #flush(until: number): Promise<void> {
    this.#flushing ??= this.#writeDue(until).finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async #writeDue(until: number): Promise<void> {
    const isEverything = this.#isCrowded;
    const due = [...this.#dirty.values()].filter((session) => isEverything || this.#deadlineOf(session) <= until);
    let failed = false;
    for (let start = 0; start < due.length && !failed; start += BATCH) {
      failed = !(await this.#write(due.slice(start, start + BATCH)));
    }
    let next = Number.POSITIVE_INFINITY;
    for (const session of this.#dirty.values()) next = Math.min(next, this.#deadlineOf(session));
    // What has just been skipped or failed is overdue: it is tried again after a while, not at once.
    const pauseMs = Math.min(COALESCE_MS * 2 ** this.#failures, LONGEST_RETRY_MS);
    const resumeAt = this.ports.clock.now() + pauseMs;
    if (failed) this.#notBefore = resumeAt;
    if (next !== Number.POSITIVE_INFINITY) this.#wakeBy(Math.max(this.#isCrowded ? resumeAt : next, resumeAt));
  }

  async #write(batch: readonly CachedSession[]): Promise<boolean> {
    const touches = batch.map((session) => ({
      id: session.record.id,
      at: session.lastAccessedAt,
      ip: session.lastIp,
    }));
    const begunAt = this.ports.clock.now();
    try {
      const skipped = new Set((await this.ports.touchMany(touches)).skipped);
      for (const touch of touches) if (!skipped.has(touch.id)) this.#written(touch, begunAt);
      this.counts.skipped += skipped.size;
      this.counts.written += touches.length - skipped.size;
      this.#failures = 0;
      return true;
    } catch (error) {
      if (this.#failures === 0) this.ports.onFailure(error);
      this.#failures += 1;
      this.counts.failures += 1;
      return false;
    }
  }

  /** The database has the access; the session may have been accessed again, or have a new entry, since the write began. */
  #written(touch: Touch, begunAt: number): void {
    const session = this.#dirty.get(touch.id);
    if (session === undefined) return;
    session.storedAccessAt = Math.max(session.storedAccessAt, touch.at);
    this.#dirty.delete(touch.id);
    if (session.lastAccessedAt > touch.at) {
      session.dirtySince = begunAt;
      this.#dirty.set(touch.id, session);
    } else {
      session.dirtySince = 0;
    }
  }
}
