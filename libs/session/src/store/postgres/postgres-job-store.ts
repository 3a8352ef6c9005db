import { randomUUID } from 'node:crypto';
import type {
  JobClaim,
  JobPage,
  JobProgress,
  JobReach,
  JobStep,
  NewJob,
  SessionJobStore,
  StoredJob,
} from '../session-jobs.js';
import type { SqlSession } from './sql-session.js';
import * as jobs from './statements/job.statements.js';
import { stepJobInTransaction } from './step-job-transaction.js';

/** Jobs in PostgreSQL, beside the sessions that they are about. */
export class PostgresJobStore implements SessionJobStore {
  readonly #session: SqlSession;

  constructor(session: SqlSession) {
    this.#session = session;
  }

  createJob(job: NewJob): Promise<StoredJob> {
    return this.#session.transaction((sql) => jobs.insertJob(sql, job));
  }

  findJob(id: string): Promise<StoredJob | undefined> {
    return this.#session.run((sql) => jobs.readJob(sql, id));
  }

  listJobs(reach: JobReach, page: JobPage): Promise<StoredJob[]> {
    return this.#session.run((sql) => jobs.readJobs(sql, reach, page));
  }

  // In transactions of a known level: with a stricter one, a page that comes to its end meanwhile would fail them.

  approveJob(id: string, by: string, withinMs: number): Promise<StoredJob | undefined> {
    return this.#session.transaction((sql) => jobs.approveOne(sql, id, by, withinMs));
  }

  cancelJob(id: string, by: string | null): Promise<StoredJob | undefined> {
    return this.#session.transaction((sql) => jobs.cancelOne(sql, id, by));
  }

  claimJob(claim: JobClaim): Promise<StoredJob | undefined> {
    return this.#session.transaction((sql) => jobs.claimOne(sql, claim));
  }

  stepJob(step: JobStep): Promise<JobProgress | undefined> {
    const operation = { operationId: randomUUID() };
    return this.#session.transaction((sql) => stepJobInTransaction(sql, step, operation));
  }

  beatJob(id: string, claim: string): Promise<boolean> {
    return this.#session.transaction((sql) => jobs.noteBeat(sql, id, claim));
  }

  releaseJob(id: string, claim: string): Promise<void> {
    return this.#session.transaction((sql) => jobs.releaseOne(sql, id, claim));
  }

  finishJob(id: string, claim: string, error: string | null): Promise<StoredJob | undefined> {
    return this.#session.transaction((sql) => jobs.finishOne(sql, id, claim, error));
  }

  tidyJobs(rules: { readonly approvalWithinMs: number; readonly retentionMs: number }): Promise<void> {
    return this.#session.transaction(async (sql) => {
      await jobs.cancelUnapproved(sql, rules.approvalWithinMs);
      await jobs.deleteOldJobs(sql, rules.retentionMs);
    });
  }
}
