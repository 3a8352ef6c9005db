import { type CutOff, isCutOffBy } from '../../core/cut-off.js';
import { isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import type { StoredUndo } from '../../store/memory/stored-undos.js';
import type { StoredJob } from '../../store/session-jobs.js';
import { SIMULATED_EPOCH_MS } from './simulated-clocks.js';
import { SimulatedProcess } from './simulated-scheduler.js';
import { SimulatedTransaction } from './simulated-transaction.js';
import type { SimulatedWorld } from './simulated-world.js';
import { TransactionIds } from './transaction-ids.js';

/** A row of the log, as it was committed. */
export interface SimulatedLogRow {
  readonly id: number;
  readonly xid: number;
  readonly type: string;
  /** `null`, like the version, where it tells of a cut-off. */
  readonly sessionId: string | null;
  readonly version: number | null;
  readonly cutOff?: CutOff;
}

/** A cut-off, and since when (true time) it is committed. */
export interface CommittedCutOff {
  readonly at: number;
  readonly cutOff: CutOff;
}

/** What a transaction has written: a session with its row in the log, unless it is a touch, or a cut-off. */
export type SimulatedWrite =
  { readonly record: SessionRecord; readonly event: string | null } | { readonly cutOff: CutOff };

/** A job's row, and who is at it. */
export interface SimulatedJob extends StoredJob {
  readonly claim: string | null;
}

/** What a session's row was from `at` (true time) on. */
export interface CommittedVersion {
  readonly at: number;
  readonly record: SessionRecord;
  /** The process that changed it; `null` where it was a touch of nobody. */
  readonly by: string;
  readonly isTouch: boolean;
}

/**
 * PostgreSQL as far as sessions need it: transactions whose rows become visible in another order than their ids were
 * given out, row and advisory locks, snapshots, crashes that lose what was not committed. A statement sees what is
 * committed at the moment it runs (READ COMMITTED).
 */
export class SimulatedDatabase {
  readonly rows = new Map<string, SessionRecord>();
  readonly log: SimulatedLogRow[] = [];
  readonly transactionIds = new TransactionIds();
  /** Every version of every session that was ever committed. */
  readonly history = new Map<string, CommittedVersion[]>();
  readonly jobs = new Map<string, SimulatedJob>();
  /** By session: whether its end can be undone, and what came of it. */
  readonly undos = new Map<string, StoredUndo>();
  /** When a transaction of a client last failed though nothing was wrong, by client. */
  readonly failures = new Map<string, number>();
  /** In the order of their commits. */
  readonly cutOffs: CommittedCutOff[] = [];
  /** Replaced with each start: what an earlier one had under way is gone. */
  process = new SimulatedProcess('database');
  isDown = false;
  serverStartedAt = 'start 1';
  #starts = 1;
  #sequence = 0;
  #eventId = 0;
  /** Who waits for a lock, first come first served; the first has it. */
  #locks = new Map<string, (() => void)[]>();
  readonly #crashListeners: ((isHidden: boolean) => void)[] = [];

  constructor(
    readonly world: SimulatedWorld,
    /** Told of each commit, after it. */
    private readonly committed: (versions: readonly CommittedVersion[], jobs: readonly SimulatedJob[]) => void = () =>
      undefined,
  ) {}

  /** The database's clock: the one that decides. */
  now(): number {
    return SIMULATED_EPOCH_MS + this.world.now;
  }

  nextSequence(): number {
    return (this.#sequence += 1);
  }

  /** Runs a transaction; where it writes, it takes a while to commit, and now and then fails. */
  async transaction<T>(client: string, body: (transaction: SimulatedTransaction) => Promise<T>): Promise<T> {
    const transaction = new SimulatedTransaction(this, client);
    try {
      const result = await body(transaction);
      if (transaction.hasWritten) {
        await this.#untilDurable();
        if (this.world.random.chance(0.01)) {
          this.failures.set(client, this.world.now);
          throw new Error('could not serialize access');
        }
      }
      transaction.commit();
      return result;
    } catch (error) {
      transaction.rollback();
      throw error;
    }
  }

  /** Transactions of others that take ids and change nothing. */
  abortTransactions(count: number): void {
    for (let done = 0; done < count; done += 1) this.transactionIds.end(this.transactionIds.begin(), false);
  }

  /**
   * What was not committed is lost. Where `isHidden`, idle connections of clients survive it (a pooler keeps them) and
   * nobody is told.
   */
  crash(forMs: number, isHidden: boolean): void {
    this.process.isGone = true;
    this.process = new SimulatedProcess('database');
    this.isDown = true;
    this.#locks = new Map();
    this.transactionIds.crash(this.world.random.chance(0.8));
    for (const crashed of this.#crashListeners) crashed(isHidden);
    const { process } = this;
    this.world.scheduler.schedule(process, forMs, () => {
      this.#starts += 1;
      this.serverStartedAt = `start ${this.#starts}`;
      this.isDown = false;
    });
  }

  onCrash(crashed: (isHidden: boolean) => void): void {
    this.#crashListeners.push(crashed);
  }

  /** True where the lock was free. */
  tryLock(key: string): boolean {
    if (this.#locks.has(key)) return false;
    this.#locks.set(key, []);
    return true;
  }

  /** Calls `locked` once the lock is the caller's. */
  lock(key: string, locked: () => void): void {
    const waiting = this.#locks.get(key);
    if (waiting === undefined) {
      this.#locks.set(key, []);
      locked();
    } else {
      waiting.push(locked);
    }
  }

  unlock(key: string): void {
    const next = this.#locks.get(key)?.shift();
    if (next === undefined) this.#locks.delete(key);
    else this.world.scheduler.schedule(this.process, 0.05, next);
  }

  /** Since when a committed cut-off covers the session; `undefined` where none does. */
  cutOffSince(session: SessionRecord): number | undefined {
    return this.cutOffs.find(({ cutOff }) => isCutOffBy(cutOff, session))?.at;
  }

  /** The session as a statement reads it: revoked, where it lives and a cut-off covers it. */
  effective(session: SessionRecord): SessionRecord {
    if (!isLive(session.status) || this.cutOffSince(session) === undefined) return session;
    return Object.freeze({ ...session, status: 'revoked' });
  }

  /** Makes a transaction's rows visible, all at once. */
  publish(client: string, xid: number, writes: readonly SimulatedWrite[], jobs: readonly SimulatedJob[] = []): void {
    const versions = writes.flatMap((write) => {
      if ('cutOff' in write) {
        const { cutOff } = write;
        this.cutOffs.push({ at: this.world.now, cutOff });
        this.log.push({ id: (this.#eventId += 1), xid, type: 'cut_off', sessionId: null, version: null, cutOff });
        this.world.trace.note('database', `commits a cut-off of ${JSON.stringify(cutOff.scope)}`);
        return [];
      }
      const { record, event } = write;
      const version = { at: this.world.now, record, by: client, isTouch: event === null };
      this.rows.set(record.id, record);
      const past = this.history.get(record.id);
      if (past === undefined) this.history.set(record.id, [version]);
      else past.push(version);
      if (event !== null) {
        this.log.push({ id: (this.#eventId += 1), xid, type: event, sessionId: record.id, version: record.version });
        this.world.trace.note('database', `commits ${event} of ${record.data['name'] as string} v${record.version}`);
      }
      return version;
    });
    for (const job of jobs) {
      this.jobs.set(job.id, job);
      this.world.trace.note(
        'database',
        `commits ${job.reason}: ${job.status}, ${job.changed} changed, ${job.node ?? 'nobody'}`,
      );
    }
    this.committed(versions, jobs);
  }

  async #untilDurable(): Promise<void> {
    const { random, scheduler } = this.world;
    let delayMs = random.between(0.1, 4);
    if (random.chance(0.05)) {
      delayMs = random.between(50, 2_500);
      this.world.disturb(delayMs);
    }
    await scheduler.pause(this.process, delayMs);
  }
}
