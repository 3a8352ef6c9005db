import type { SessionRecord } from '../../core/session.js';
import {
  type JobClaim,
  type JobProgress,
  type JobStep,
  type NewJob,
  type StoredJob,
} from '../../store/session-jobs.js';
import type { SimulatedDatabase, SimulatedJob } from './simulated-database.js';
import type { SimulatedTransaction } from './simulated-transaction.js';

export interface SimulatedJobsPorts {
  readonly transaction: <T>(body: (transaction: SimulatedTransaction) => Promise<T>) => Promise<T>;
  /** Ends a session if it still matches under its lock. */
  readonly revoke: (
    transaction: SimulatedTransaction,
    id: string,
    job: StoredJob,
  ) => Promise<SessionRecord | undefined>;
}

const NEW = {
  ...{ changed: 0, skipped: 0, attempts: 0, lastId: null, approvedBy: null, approvedAt: null, cancelledBy: null },
  ...{ node: null, heartbeatAt: null, startedAt: null, finishedAt: null, error: null, claim: null },
  status: 'running',
} as const;

/** The verbs of the store of jobs that the simulation uses. */
export class SimulatedJobs {
  constructor(
    private readonly database: SimulatedDatabase,
    private readonly ports: SimulatedJobsPorts,
  ) {}

  createJob({ needsApproval: _, ...job }: NewJob): Promise<StoredJob> {
    return this.ports.transaction((transaction) =>
      Promise.resolve(transaction.readJob(job.id) ?? transaction.writeJob({ ...NEW, ...job, createdAt: this.#now() })),
    );
  }

  cancelJob(id: string, by: string | null): Promise<StoredJob | undefined> {
    return this.#locked(id, (transaction, job) => {
      if (job.status !== 'running') return undefined;
      return transaction.writeJob({ ...job, ...this.#over(), status: 'cancelled', cancelledBy: by });
    });
  }

  claimJob({ claim, node, takeOverAfterMs }: JobClaim): Promise<StoredJob | undefined> {
    return this.ports.transaction((transaction) => {
      const now = this.#now();
      const next = [...this.database.jobs.values()].find(
        ({ id, status, heartbeatAt }) =>
          status === 'running' &&
          (heartbeatAt === null || heartbeatAt <= now - takeOverAfterMs) &&
          transaction.tryLock(`job ${id}`),
      );
      if (next === undefined) return Promise.resolve(undefined);
      const claimed = { node, claim, heartbeatAt: now, startedAt: next.startedAt ?? now, attempts: next.attempts + 1 };
      return Promise.resolve(transaction.writeJob({ ...next, ...claimed }));
    });
  }

  stepJob({ id, claim, ids }: JobStep): Promise<JobProgress | undefined> {
    return this.#locked(id, async (transaction, job) => {
      if (!isOf(claim, job)) return undefined;
      const records: SessionRecord[] = [];
      for (const session of ids) {
        const record = await this.ports.revoke(transaction, session, job);
        if (record !== undefined) records.push(record);
      }
      const changed = job.changed + records.length;
      const skipped = job.skipped + ids.length - records.length;
      const progress = { changed, skipped, lastId: ids.at(-1) ?? job.lastId, heartbeatAt: this.#now(), attempts: 0 };
      return { job: transaction.writeJob({ ...job, ...progress }), versions: records };
    });
  }

  async beatJob(id: string, claim: string): Promise<boolean> {
    const beat = await this.#locked(id, (transaction, job) =>
      isOf(claim, job) ? transaction.writeJob({ ...job, heartbeatAt: this.#now() }) : undefined,
    );
    return beat !== undefined;
  }

  async releaseJob(id: string, claim: string): Promise<void> {
    await this.#locked(id, (transaction, job) =>
      isOf(claim, job) ? transaction.writeJob({ ...job, node: null, heartbeatAt: null, claim: null }) : undefined,
    );
  }

  finishJob(id: string, claim: string, error: string | null): Promise<StoredJob | undefined> {
    return this.#locked(id, (transaction, job) => {
      if (!isOf(claim, job)) return undefined;
      return transaction.writeJob({ ...job, ...this.#over(), status: error === null ? 'done' : 'failed', error });
    });
  }

  tidyJobs(): Promise<void> {
    return Promise.resolve();
  }

  #locked<T>(
    id: string,
    change: (transaction: SimulatedTransaction, job: SimulatedJob) => T | Promise<T>,
  ): Promise<T | undefined> {
    return this.ports.transaction(async (transaction) => {
      await transaction.lock(`job ${id}`);
      const job = transaction.readJob(id);
      return job && change(transaction, job);
    });
  }

  #over(): Pick<SimulatedJob, 'claim' | 'heartbeatAt' | 'finishedAt'> {
    return { claim: null, heartbeatAt: null, finishedAt: this.#now() };
  }

  #now(): number {
    return Math.floor(this.database.now());
  }
}

function isOf(claim: string, job: SimulatedJob): boolean {
  return job.status === 'running' && job.claim === claim;
}
