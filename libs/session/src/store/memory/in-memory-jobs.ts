import { canBecome } from '../../core/lifecycle.js';
import { partsOfScope, reaches } from '../scope-reach.js';
import {
  filterOfJob,
  type JobClaim,
  type JobPage,
  type JobProgress,
  type JobReach,
  type JobStep,
  type NewJob,
  NOT_APPROVED,
  type SessionJobStore,
  type StoredJob,
} from '../session-jobs.js';
import { atomically } from './atomically.js';
import { byId } from './session-query.js';
import { noted, type SessionTable } from './session-table.js';

/** Jobs in the memory of one process; they go with it. */
export class InMemoryJobs implements SessionJobStore {
  readonly #table: SessionTable;
  readonly #jobs = new Map<string, StoredJob>();
  /** Who is at which job. */
  readonly #claims = new Map<string, string>();

  constructor(table: SessionTable) {
    this.#table = table;
  }

  createJob({ needsApproval, ...job }: NewJob): Promise<StoredJob> {
    return atomically(() => {
      const earlier = this.#jobs.get(job.id);
      return earlier ?? this.#put({ ...NEW, ...copyOf(job), ...this.#born(needsApproval) });
    });
  }

  findJob(id: string): Promise<StoredJob | undefined> {
    return atomically(() => this.#jobs.get(id));
  }

  listJobs(reach: JobReach, { limit, after }: JobPage): Promise<readonly StoredJob[]> {
    return atomically(() =>
      [...this.#jobs.values()]
        .filter(({ kind, scope }) => {
          const own = reach[kind];
          return own !== undefined && reaches(own, partsOfScope(scope));
        })
        .filter((job) => after === null || newestFirst(after, job) < 0)
        .sort(newestFirst)
        .slice(0, limit),
    );
  }

  approveJob(id: string, by: string, withinMs: number): Promise<StoredJob | undefined> {
    return atomically(() => {
      const job = this.#jobs.get(id);
      const now = this.#table.now();
      if (job?.status !== 'awaiting_approval' || job.askedBy === by || job.createdAt <= now - withinMs)
        return undefined;
      return this.#put({ ...job, status: 'running', approvedBy: by, approvedAt: now });
    });
  }

  cancelJob(id: string, by: string | null): Promise<StoredJob | undefined> {
    return atomically(() => {
      const job = this.#jobs.get(id);
      if (job?.status !== 'awaiting_approval' && job?.status !== 'running') return undefined;
      return this.#over(job, { status: 'cancelled', cancelledBy: by });
    });
  }

  claimJob({ claim, node, takeOverAfterMs }: JobClaim): Promise<StoredJob | undefined> {
    return atomically(() => {
      const now = this.#table.now();
      const next = [...this.#jobs.values()]
        .filter(({ status }) => status === 'running')
        .sort((a, b) => -newestFirst(a, b))
        .find(({ heartbeatAt }) => heartbeatAt === null || heartbeatAt <= now - takeOverAfterMs);
      if (next === undefined) return undefined;
      this.#claims.set(next.id, claim);
      const startedAt = next.startedAt ?? now;
      return this.#put({ ...next, node, heartbeatAt: now, startedAt, attempts: next.attempts + 1 });
    });
  }

  stepJob({ id, claim, ids, freesSlot }: JobStep): Promise<JobProgress | undefined> {
    return atomically(() => {
      const job = this.#claimed(id, claim);
      if (job === undefined) return undefined;
      const now = this.#table.now();
      const to = job.kind === 'revoke' ? 'revoked' : 'suspended';
      const matching = this.#table.matching({ ...filterOfJob(job), ids }, now);
      const most = Math.min(ids.length, (job.max ?? Number.POSITIVE_INFINITY) - job.changed);
      const found = matching.filter((session) => canBecome(session.status, to)).sort(byId);
      const page = found.slice(0, most);
      const note = { reason: job.reason, by: job.askedBy, source: 'job' };
      if (freesSlot && to === 'suspended') for (const { id: freed } of page) this.#table.slotless.add(freed);
      const records =
        to === 'revoked'
          ? this.#table.endAll(page, to, note, now)
          : page.map((session) => this.#table.change(session, { status: to }, to, noted(note), now));
      const changed = records.length;
      const skipped = changed === most ? 0 : ids.length - changed;
      return {
        job: this.#put({
          ...job,
          lastId: ids.at(-1) ?? job.lastId,
          changed: job.changed + changed,
          skipped: job.skipped + skipped,
          heartbeatAt: now,
          attempts: 0,
        }),
        versions: records.map((record) => ({ id: record.id, version: record.version })),
      };
    });
  }

  beatJob(id: string, claim: string): Promise<boolean> {
    return atomically(() => {
      const job = this.#claimed(id, claim);
      if (job !== undefined) this.#put({ ...job, heartbeatAt: this.#table.now() });
      return job !== undefined;
    });
  }

  releaseJob(id: string, claim: string): Promise<void> {
    return atomically(() => {
      const job = this.#claimed(id, claim);
      if (job === undefined) return;
      this.#claims.delete(id);
      this.#put({ ...job, node: null, heartbeatAt: null, attempts: Math.max(0, job.attempts - 1) });
    });
  }

  finishJob(id: string, claim: string, error: string | null): Promise<StoredJob | undefined> {
    return atomically(() => {
      const job = this.#claimed(id, claim);
      return job && this.#over(job, { status: error === null ? 'done' : 'failed', error });
    });
  }

  tidyJobs({ approvalWithinMs, retentionMs }: Parameters<SessionJobStore['tidyJobs']>[0]): Promise<void> {
    return atomically(() => {
      const now = this.#table.now();
      for (const job of this.#jobs.values()) {
        if (job.status === 'awaiting_approval' && job.createdAt <= now - approvalWithinMs) {
          this.#over(job, { status: 'cancelled', error: NOT_APPROVED });
        } else if (job.finishedAt !== null && job.finishedAt < now - retentionMs) this.#jobs.delete(job.id);
      }
    });
  }

  #claimed(id: string, claim: string): StoredJob | undefined {
    const job = this.#jobs.get(id);
    return job?.status === 'running' && this.#claims.get(id) === claim ? job : undefined;
  }

  #born(needsApproval: boolean): Pick<StoredJob, 'status' | 'createdAt'> {
    return { status: needsApproval ? 'awaiting_approval' : 'running', createdAt: this.#table.now() };
  }

  #over(job: StoredJob, how: Partial<StoredJob>): StoredJob {
    this.#claims.delete(job.id);
    return this.#put({ ...job, ...how, heartbeatAt: null, finishedAt: this.#table.now() });
  }

  #put(job: StoredJob): StoredJob {
    const stored = Object.freeze(job);
    this.#jobs.set(job.id, stored);
    return stored;
  }
}

const NEW = {
  changed: 0,
  skipped: 0,
  lastId: null,
  approvedBy: null,
  approvedAt: null,
  cancelledBy: null,
  node: null,
  heartbeatAt: null,
  attempts: 0,
  startedAt: null,
  finishedAt: null,
  error: null,
} as const;

/** Through text, as a database would have it. */
function copyOf<T extends object>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

type Dated = Pick<StoredJob, 'createdAt' | 'id'>;

function newestFirst(a: Dated, b: Dated): number {
  return b.createdAt - a.createdAt || byId(b, a);
}
