import { Inject, Injectable, Logger } from '@nestjs/common';
import { knowsRecent, type RecentSessionsStore } from '../../store/recent-sessions-store.js';
import type { SessionStore } from '../../store/session-store.js';
import { KnownSessions } from '../../sync/known-sessions.js';
import { within } from '../../sync/within.js';
import { RESOLVED_OPTIONS, SESSION_STORE } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';

/** Sessions that are loaded at once: as many as the loader reads side by side. */
const BATCH = 2_000;

/**
 * Loads the sessions that were used last before the node serves, so that a restart is no flood of loads. Bounded in number
 * and in time, and no reason for a start to fail: what it leaves out is loaded when it is asked for.
 */
@Injectable()
export class SessionWarmUp {
  readonly #logger = new Logger('IdentitySession');
  #isOver = false;

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: Pick<ResolvedOptions, 'warmUp'>,
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(KnownSessions) private readonly known: KnownSessions,
  ) {}

  /**
   * To be called once a position in the log is taken: what is loaded before that would have to be loaded again. Resolves
   * after `withinMs` at the latest.
   */
  async run(): Promise<void> {
    const { store } = this;
    const { sessions, withinMs } = this.options.warmUp;
    if (sessions === 0 || !knowsRecent(store)) return;
    const begunAt = performance.now();
    try {
      const warmed = await within(withinMs, this.#load(store, sessions));
      this.#logger.log(`${warmed} sessions are in memory after ${Math.round(performance.now() - begunAt)} ms.`);
    } catch (error) {
      this.#logger.warn(`Memory could not be warmed up in time; sessions are loaded as they come: ${String(error)}`);
    } finally {
      this.#isOver = true;
    }
  }

  /** Until memory is full, or the time is over: what comes later would push out what is used more. */
  async #load(store: RecentSessionsStore, sessions: number): Promise<number> {
    const ids = await store.findRecent(sessions);
    let warmed = 0;
    for (let start = 0; start < ids.length && !this.#isOver; start += BATCH) {
      warmed += await this.known.warm(ids.slice(start, start + BATCH));
      if (this.known.figures.cached < warmed) break;
    }
    return Math.min(warmed, this.known.figures.cached);
  }
}
