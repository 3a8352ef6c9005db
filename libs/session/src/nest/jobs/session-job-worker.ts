import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';
import { filterOfJob, keepsJobs, type SessionJobStore, type StoredJob } from '../../store/session-jobs.js';
import { MOST_IDS, type SessionStore } from '../../store/session-store.js';
import { NodeClock } from '../../sync/node-clock.js';
import { within } from '../../sync/within.js';
import { LogFollower } from '../module/log-follower.js';
import { LogLeaseHolder } from '../module/log-lease-holder.js';
import { RESOLVED_OPTIONS, SESSION_STORE } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { SessionWriter } from '../sign-in/session-writer.js';
import { JobPace } from './job-pace.js';

/** Sessions in one transaction: some ten milliseconds, in which a sign-in of one of their users may wait. */
const PAGE = 500;
/** A job that was begun so often without coming on is given up. */
const MOST_ATTEMPTS = 10;
/** Up to this part more or less, so that nodes that were started together part. */
const SPREAD = 0.2;
const BEATS = 4;
const TIDY_EVERY_MS = 3_600_000;
/** What a shutdown waits for the page under way. */
const LAST_PAGE_WITHIN_MS = 2_000;

/**
 * Works on jobs, one at a time. Every node looks for one at intervals, and takes over what a node has left that died. How
 * far a job has come is written with each page, so it matters to nobody where that was.
 */
@Injectable()
export class SessionJobWorker {
  /** Since the node began. */
  readonly counts = { pages: 0, changed: 0, skipped: 0, failures: 0, takenOver: 0 };
  protected readonly logger: Pick<Logger, 'debug' | 'warn' | 'error'> = new Logger('IdentitySession');
  protected readonly pageSize: number = PAGE;
  readonly #stopping = new AbortController();
  readonly #store: (SessionStore & { readonly jobs: SessionJobStore }) | undefined;
  /** Stops looking for work. */
  #timer: (() => void) | undefined;
  #working: Promise<void> | undefined;
  #isWanted = false;
  #isAtJob = false;
  #tidiedAt = Number.NEGATIVE_INFINITY;

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(SESSION_STORE) store: SessionStore,
    @Inject(SessionWriter) private readonly writer: SessionWriter,
    @Inject(NodeClock) private readonly clock: NodeClock,
    @Inject(LogFollower) private readonly log: LogFollower,
    @Inject(LogLeaseHolder) private readonly lease: LogLeaseHolder,
  ) {
    this.#store = keepsJobs(store) ? store : undefined;
  }

  /** True while this node is at a job. */
  get isAtJob(): boolean {
    return this.#isAtJob;
  }

  /** Looks for work until `stop`, unless it is switched off here. */
  start(): void {
    const { enabled, takeOverAfterMs } = this.options.jobs;
    if (!enabled || this.#store === undefined) return;
    const everyMs = (takeOverAfterMs / 2) * (1 - SPREAD + 2 * SPREAD * this.random());
    this.#timer = this.every(everyMs, () => {
      this.wake();
    });
    this.wake();
  }

  /** Looks for work now, where this node takes part. */
  wake(): void {
    const store = this.#store;
    if (this.#timer === undefined || this.#isStopped || store === undefined) return;
    this.#isWanted = true;
    this.#working ??= this.#workWhileWanted(store).finally(() => {
      this.#working = undefined;
      if (this.#isWanted) this.wake();
    });
  }

  /** Begins no further page, and hands back what it was at; never rejects, and takes a bounded time. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#timer?.();
    this.#timer = undefined;
    if (this.#working !== undefined) await this.within(LAST_PAGE_WITHIN_MS, this.#working).catch(() => undefined);
  }

  // What follows is of the machine, and replaced where there is none.

  /** Calls `task` at intervals until what is returned is called. */
  protected every(ms: number, task: () => void): () => void {
    const timer = setInterval(task, ms).unref();
    return () => {
      clearInterval(timer);
    };
  }

  protected within<T>(ms: number, work: Promise<T>): Promise<T> {
    return within(ms, work);
  }

  protected monotonic(): number {
    return performance.now();
  }

  protected random(): number {
    return Math.random();
  }

  protected newClaim(): string {
    return randomUUID();
  }

  protected makePace(): Pick<JobPace, 'afterPage'> {
    return new JobPace({
      now: () => this.clock.now(),
      appliedAsOf: () => (this.log.figures() === undefined ? undefined : this.lease.appliedAsOf),
      patienceMs: this.options.maxStalenessMs,
    });
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #workWhileWanted(store: SessionStore & { readonly jobs: SessionJobStore }): Promise<void> {
    while (this.#isWanted && !this.#isStopped) {
      this.#isWanted = false;
      try {
        await this.#tidy(store.jobs);
        // Whoever has done one looks for another.
        if (await this.#claimAndWork(store)) this.#isWanted = true;
      } catch (error) {
        // The next look is at the next interval: a database that is away is told of elsewhere.
        this.counts.failures += 1;
        this.logger.debug(`Jobs could not be looked for: ${String(error)}`);
      }
    }
  }

  async #tidy(jobs: SessionJobStore): Promise<void> {
    const now = this.monotonic();
    if (now - this.#tidiedAt < TIDY_EVERY_MS) return;
    const { approvalWithinMs } = this.options.jobs;
    await jobs.tidyJobs({ approvalWithinMs, retentionMs: this.options.cleanup.retentionMs });
    this.#tidiedAt = now;
  }

  async #claimAndWork(store: SessionStore & { readonly jobs: SessionJobStore }): Promise<boolean> {
    const claim = this.newClaim();
    const { nodeName: node } = this.options;
    const { takeOverAfterMs } = this.options.jobs;
    const job = await store.jobs.claimJob({ claim, node, takeOverAfterMs });
    if (job === undefined) return false;
    if (job.lastId !== null) this.counts.takenOver += 1;
    if (job.attempts > MOST_ATTEMPTS) {
      await store.jobs.finishJob(job.id, claim, `It was begun ${MOST_ATTEMPTS} times and did not come on.`);
      return true;
    }
    // Finding the next sessions may take longer than the others have patience.
    const stopBeating = this.every(takeOverAfterMs / BEATS, () => {
      void store.jobs.beatJob(job.id, claim).catch(() => undefined);
    });
    this.#isAtJob = true;
    try {
      if (await this.#work(store, job, claim)) await store.jobs.finishJob(job.id, claim, null);
      else if (this.#isStopped) await store.jobs.releaseJob(job.id, claim);
      return true;
    } catch (error) {
      return await this.#failed(store.jobs, job, claim, error);
    } finally {
      stopBeating();
      this.#isAtJob = false;
    }
  }

  /** True once nothing is left to do; false where it is no longer this node's. */
  async #work(store: SessionStore & { readonly jobs: SessionJobStore }, job: StoredJob, claim: string) {
    const filter = filterOfJob(job);
    const pace = this.makePace();
    // Who ends all that match means those too that were about to come back.
    if (job.kind === 'revoke' && this.options.undo.windowMs > 0) await this.writer.withdrawUndo(undefined, filter);
    let [afterId, isDone] = [job.lastId, isFull(job)];
    while (!isDone) {
      // To find a page in id order, all that matches is looked at: so many pages are found at once.
      const ids = await store.listIds(afterId === null ? filter : { ...filter, afterId }, MOST_IDS);
      for (let from = 0; from < ids.length && !isDone; from += this.pageSize) {
        if (this.#isStopped) return false;
        const begunAt = this.monotonic();
        const page = await this.#step(store.jobs, {
          ...{ id: job.id, claim, ids: ids.slice(from, from + this.pageSize) },
          freesSlot: this.options.suspension.slot === 'free',
        });
        if (page === undefined) return false;
        isDone = isFull(page);
        await pace.afterPage(this.monotonic() - begunAt, this.#stopping.signal);
      }
      if (ids.length < MOST_IDS) return !this.#isStopped;
      afterId = ids.at(-1) ?? afterId;
    }
    return true;
  }

  async #step(jobs: SessionJobStore, step: Parameters<SessionJobStore['stepJob']>[0]): Promise<StoredJob | undefined> {
    const page = await jobs.stepJob(step);
    if (page === undefined) return undefined;
    this.writer.ended(page.versions, page.job.kind === 'revoke' ? 'revoked' : null);
    this.counts.pages += 1;
    this.counts.changed += page.versions.length;
    this.counts.skipped += step.ids.length - page.versions.length;
    return page.job;
  }

  /** What comes of a database that is away is tried again; a mistake would only come again. */
  async #failed(jobs: SessionJobStore, job: StoredJob, claim: string, error: unknown): Promise<boolean> {
    this.counts.failures += 1;
    if (error instanceof IdentitySessionError && error.code === 'SESSION_STORE_UNAVAILABLE') {
      if (this.#isStopped) await jobs.releaseJob(job.id, claim).catch(() => undefined);
      this.logger.warn(`Job ${job.id} was broken off, and is gone on with: ${String(error)}`);
      return false;
    }
    this.logger.error(`Job ${job.id} has failed: ${String(error)}`);
    await jobs.finishJob(
      job.id,
      claim,
      error instanceof IdentitySessionError ? error.message : 'Something went wrong.',
    );
    return true;
  }
}

function isFull({ max, changed }: StoredJob): boolean {
  return max !== null && changed >= max;
}
