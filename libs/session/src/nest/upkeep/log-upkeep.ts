import { Inject, Injectable, Logger } from '@nestjs/common';
import { keepsLocks } from '../../store/lock-store.js';
import { keepsLog } from '../../store/log-upkeep.js';
import type { SessionStore } from '../../store/session-store.js';
import { RESOLVED_OPTIONS, SESSION_STORE } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';

/** Rows in one statement: some ten milliseconds. */
const BATCH = 2_000;
/** Statements of one task in one run; what is left has time until the next. */
const MOST_BATCHES = 50;

/**
 * Keeps the change log in order: what is older than `logRetentionMs` goes, and so do questions that nobody answered;
 * what a restored backup has brought is settled, and locks that nobody holds are forgotten. Part of each run of the cleanup; one node at a time does it, in small
 * batches that wait for nobody. Without a store on PostgreSQL there is nothing to do.
 */
@Injectable()
export class LogUpkeep {
  readonly #logger = new Logger('IdentitySession');
  #isStopped = false;

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(SESSION_STORE) private readonly store: SessionStore,
  ) {}

  /** Settles what was restored: it would be taken for news. */
  start(): void {
    void this.settleRestored().catch((error: unknown) => {
      if (this.#isStopped) return;
      this.#logger.warn(`The change log could not be kept in order; later again: ${String(error)}`);
    });
  }

  /** Begins no further batch. */
  stop(): void {
    this.#isStopped = true;
  }

  /** All tasks once, within their bounds; gives how many rows were removed. May run on several nodes at once. */
  async run(): Promise<{ readonly changes: number; readonly questions: number }> {
    const { store } = this;
    await this.settleRestored();
    if (keepsLocks(store)) await this.#inBatches((limit) => store.forgetLocks(limit), MOST_BATCHES);
    if (!keepsLog(store)) return { changes: 0, questions: 0 };
    return {
      changes: await this.#inBatches((limit) => store.forgetChanges(this.options.logRetentionMs, limit), MOST_BATCHES),
      questions: await this.#inBatches((limit) => store.forgetQuestions(limit), MOST_BATCHES),
    };
  }

  /** Until none is left: nodes that meet a restored log for the first time have the same work all at once. */
  async settleRestored(): Promise<void> {
    const { store } = this;
    if (!keepsLog(store)) return;
    const settled = await this.#inBatches((limit) => store.settleRestored(limit), Number.POSITIVE_INFINITY);
    if (settled > 0) this.#logger.log(`The change log was restored from a backup; ${settled} of its rows are settled.`);
  }

  /** A batch that is not full was the last, or somebody else is at it. */
  async #inBatches(batch: (limit: number) => Promise<number>, most: number): Promise<number> {
    let done = 0;
    for (let count = 0; count < most && !this.#isStopped; count += 1) {
      const changed = await batch(BATCH);
      done += changed;
      if (changed < BATCH) break;
    }
    return done;
  }
}
