import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import {
  type CleanupBatch,
  cleansUp,
  type CleanupRules,
  type SessionCleanupStore,
  type WalkPosition,
} from '../../store/session-cleanup.js';
import type { EndedStatus } from '../../core/lifecycle.js';
import type { SessionStore } from '../../store/session-store.js';
import { RESOLVED_OPTIONS, SESSION_STORE } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { SessionWriter } from '../sign-in/session-writer.js';
import { LogUpkeep } from '../upkeep/log-upkeep.js';
import { CleanupTimer } from './cleanup-timer.js';
import { DatabaseReach } from './database-reach.js';

/** Sessions in one statement that ends: some ten milliseconds, in which a sign-in of one of their users may wait. */
const BATCH = 500;
/** Rows in one statement that nobody waits for. */
const LARGE_BATCH = 1_000;
/** Of what only takes room or is gone through, in one run; the rest has time until the next. */
const MOST_BATCHES = 200;
/** Between two batches at least; and as long as the batch took, so that the database is left to others half of the time. */
const LEAST_REST_MS = 5;

/** What one run has done, on this node. */
export interface CleanupRun {
  /** Sessions ended. */
  readonly ended: number;
  /** Ended sessions removed. */
  readonly removed: number;
  /** Sessions that lost their addresses. */
  readonly scrubbed: number;
  /** Rows of the change log removed. */
  readonly changes: number;
  /** Questions of the policy removed that nobody answered. */
  readonly questions: number;
  /** Cut-offs forgotten. */
  readonly cutOffs: number;
}

const NOTHING: CleanupRun = { ended: 0, removed: 0, scrubbed: 0, changes: 0, questions: 0, cutOffs: 0 };

/**
 * Ends the sessions whose time is over and whose users never came back, and forgets what has been kept long enough. Every
 * node tries at intervals; for each batch one of them has the turn. A batch waits for nobody and lets others in between;
 * what it ends is logged with it and reaches the other nodes as any other end does. A request never depends on it.
 */
@Injectable()
export class SessionCleanup {
  /** Since the node began. */
  readonly counts = { runs: 0, failures: 0, ended: 0, removed: 0, scrubbed: 0, changes: 0, questions: 0 };
  readonly #logger = new Logger('IdentitySession');
  readonly #stopping = new AbortController();
  #running: Promise<CleanupRun> | undefined;
  #lastRunAt: number | undefined;

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(SessionWriter) private readonly writer: SessionWriter,
    @Inject(LogUpkeep) private readonly upkeep: LogUpkeep,
    @Inject(DatabaseReach) private readonly reach: DatabaseReach,
    @Inject(CleanupTimer) private readonly timer: CleanupTimer,
  ) {}

  /** True while a run is under way on this node. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** When a run last came to its end on this node, in milliseconds since the epoch. */
  get lastRunAt(): number | undefined {
    return this.#lastRunAt;
  }

  /** Goes on by itself until `stop`, unless it is switched off. */
  async start(): Promise<void> {
    this.reach.start();
    const { enabled, intervalMs } = this.options.cleanup;
    if (!enabled) return;
    await this.timer.start(intervalMs, () => {
      void this.run().catch((error: unknown) => {
        if (this.#isStopped) return;
        this.#logger.warn(`The cleanup could not be carried out; later again: ${String(error)}`);
      });
    });
  }

  /** Begins no further batch. */
  stop(): void {
    this.#stopping.abort();
    this.timer.stop();
    this.reach.stop();
  }

  /**
   * Everything once, also where it is switched off; gives what was done here. A call during a run is answered by that
   * run. May run on several nodes at once: they share the work.
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE`, the first where several tasks fail; what could be done is done
   */
  run(): Promise<CleanupRun> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #run(): Promise<CleanupRun> {
    const { store } = this;
    const done = { ...NOTHING };
    const failures: unknown[] = [];
    const note = async (): Promise<Partial<CleanupRun>> => {
      if (failures.length === 0 && !this.#isStopped && cleansUp(store)) await store.noteCleanupRun();
      return {};
    };
    for (const task of [...(cleansUp(store) ? this.#tasksOn(store) : []), () => this.#keepLog(), note]) {
      try {
        for (const [what, count] of Object.entries(await task()) as [keyof CleanupRun, number][]) done[what] += count;
      } catch (error) {
        failures.push(error);
        this.reach.missed();
        // What is too slow or broken by itself, run for run, must not keep the rest from ever being done.
        if (!(await this.#isReachable())) break;
      }
    }
    if (failures.length > 0) {
      this.counts.failures += 1;
      throw failures[0];
    }
    if (!this.#isStopped) {
      this.counts.runs += 1;
      this.#lastRunAt = this.options.clocks.wall();
    }
    return done;
  }

  async #isReachable(): Promise<boolean> {
    try {
      await this.store.now();
      return true;
    } catch {
      return false;
    }
  }

  #tasksOn(store: SessionCleanupStore): (() => Promise<Partial<CleanupRun>>)[] {
    const { retentionMs, scrubAddressesAfterMs: scrubAfterMs } = this.options.cleanup;
    return [
      async () => ({ ended: await this.#end(BATCH, 'expired', () => store.endDue(this.#rules(), BATCH)) }),
      async () => {
        const ended = await this.#end(BATCH, 'revoked', () => store.endCutOff(BATCH));
        // After what they cover was written down.
        const cutOffs = this.#isStopped ? 0 : await this.store.forgetCutOffs(this.#longestLifetimeMs());
        return { ended, cutOffs };
      },
      () => this.#walk(store),
      async () =>
        scrubAfterMs === undefined
          ? {}
          : { scrubbed: await this.#forget('scrubbed', () => store.scrubEnded(scrubAfterMs, LARGE_BATCH)) },
      async () => ({ removed: await this.#forget('removed', () => store.removeEnded(retentionMs, LARGE_BATCH)) }),
    ];
  }

  async #keepLog(): Promise<Partial<CleanupRun>> {
    const { changes, questions } = await this.upkeep.run();
    this.counts.changes += changes;
    this.counts.questions += questions;
    return { changes, questions };
  }

  /** Asked for each batch: the database may go away in the middle of a run. */
  #rules(): CleanupRules {
    const { idleMarginMs, syncIntervalMs } = this.options;
    return {
      graceMs: idleMarginMs,
      sparesIdle: this.reach.wasAwayWithin(syncIntervalMs),
      recoveryMs: syncIntervalMs,
    };
  }

  async #end(size: number, as: EndedStatus, batch: () => Promise<CleanupBatch>): Promise<number> {
    let ended = 0;
    await this.#inBatches(Number.POSITIVE_INFINITY, async () => {
      const done = await batch();
      ended += this.#ended(done, as);
      return done.seen === size;
    });
    return ended;
  }

  #ended({ ended }: CleanupBatch, as: EndedStatus): number {
    this.counts.ended += ended.length;
    this.writer.ended(ended, as);
    return ended.length;
  }

  /** Through all live sessions, for what nothing marks as due. One node does it, once in an interval. */
  async #walk(store: SessionCleanupStore): Promise<{ readonly ended: number; readonly scrubbed: number }> {
    const { inactiveAfterMs, scrubAddressesAfterMs, scrubLiveAddresses, intervalMs } = this.options.cleanup;
    const scrubAfterMs = scrubLiveAddresses ? scrubAddressesAfterMs : undefined;
    const done = { ended: 0, scrubbed: 0 };
    if (inactiveAfterMs === undefined && scrubAfterMs === undefined) return done;
    if (this.#isStopped || !(await store.claimWalk(intervalMs / 2))) return done;
    let position: WalkPosition | null = null;
    await this.#inBatches(Number.POSITIVE_INFINITY, async () => {
      const page = await store.walkLive({ ...this.#rules(), inactiveAfterMs, scrubAfterMs }, position, LARGE_BATCH);
      done.ended += this.#ended(page, 'expired');
      done.scrubbed += page.scrubbed;
      this.counts.scrubbed += page.scrubbed;
      position = page.last;
      return position !== null;
    });
    return done;
  }

  async #forget(what: 'removed' | 'scrubbed', batch: () => Promise<number>): Promise<number> {
    let forgotten = 0;
    await this.#inBatches(MOST_BATCHES, async () => {
      const done = await batch();
      forgotten += done;
      this.counts[what] += done;
      return done === LARGE_BATCH;
    });
    return forgotten;
  }

  /** Until a batch says that there is no more. */
  async #inBatches(most: number, batch: () => Promise<boolean>): Promise<void> {
    for (let count = 0; count < most && !this.#isStopped; count += 1) {
      const begunAt = performance.now();
      if (!(await batch())) return;
      const rest = Math.max(LEAST_REST_MS, performance.now() - begunAt);
      await pause(rest, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }

  #longestLifetimeMs(): number {
    const { absoluteLifetimeMs, rememberMe, clients } = this.options.lifetimes;
    const own = Object.values(clients).map((client) => client.absoluteLifetimeMs ?? 0);
    return Math.max(absoluteLifetimeMs, rememberMe.absoluteLifetimeMs, ...own);
  }
}
