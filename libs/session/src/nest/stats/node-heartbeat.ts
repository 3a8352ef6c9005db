import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { keepsStatistics } from '../../store/session-statistics.js';
import type { SessionStore } from '../../store/session-store.js';
import { within } from '../../sync/within.js';
import { LogFollower } from '../module/log-follower.js';
import { RESOLVED_OPTIONS, SESSION_STORE } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';

const BEAT_MS = 10_000;
/** A node that misses two beats may be slow; one that misses four is gone. */
export const GONE_AFTER_MS = 45_000;
/** What a shutdown waits for it. */
const LAST_WORD_WITHIN_MS = 500;

/** Tells the others that this node lives, off every request's path. Nothing depends on it but what is shown. */
@Injectable()
export class NodeHeartbeat {
  readonly #id = randomUUID();
  readonly #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #isBeating = false;

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(LogFollower) private readonly log: LogFollower,
  ) {}

  /** Resolves once the first sign was given, or could not be. */
  async start(): Promise<void> {
    if (!keepsStatistics(this.store)) return;
    this.#timer = setInterval(() => void this.beat(), BEAT_MS).unref();
    await this.beat();
  }

  /** Goes from the list at once, where the database can be told in time; never rejects. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#timer === undefined || !keepsStatistics(this.store)) return;
    this.#timer = undefined;
    await within(LAST_WORD_WITHIN_MS, this.store.forgetNode(this.#id)).catch(() => undefined);
  }

  /** One at a time: a database that hangs gets no second. */
  async beat(): Promise<void> {
    const { store } = this;
    if (this.#isBeating || !keepsStatistics(store)) return;
    this.#isBeating = true;
    try {
      const { lagMs = null } = this.log.report();
      const uptimeMs = performance.now() - this.#startedAt;
      // Sockets are yet to come.
      const beat = { id: this.#id, name: this.options.nodeName, uptimeMs, tailLagMs: lagMs, connections: 0 };
      await store.noteNode(beat, GONE_AFTER_MS);
    } catch {
      // Who does not reach the database is not in the list, and says so elsewhere.
    } finally {
      this.#isBeating = false;
    }
  }
}
