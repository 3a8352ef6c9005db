import type { JobFilter, JobKind, JobStatus, StoredJob } from '../../store/session-jobs.js';
import type { SessionScope } from '../../store/session-store.js';

/** Work on many sessions, as it is at the moment. */
export interface SessionJob {
  readonly id: string;
  readonly kind: JobKind;
  readonly filter: JobFilter;
  /** The right that it was asked with. */
  readonly scope: SessionScope;
  readonly reason: string;
  readonly askedBy: string | null;
  /** It changes no more than this many; `null` is all. */
  readonly max: number | null;
  readonly status: JobStatus;
  /** How many matched when it was asked. */
  readonly matched: number;
  /** Sessions that it has changed. */
  readonly changed: number;
  /** Sessions that it has left: somebody else was first, or they cannot take the step. */
  readonly skipped: number;
  readonly approvedBy: string | null;
  readonly approvedAt: Date | null;
  readonly cancelledBy: string | null;
  /** The node that is at it, or was last. */
  readonly node: string | null;
  /** When that gave its last sign of life; `null` while nobody is at it. */
  readonly heartbeatAt: Date | null;
  /** What began later is left alone. */
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** Why it has failed, or was cancelled by nobody. */
  readonly error: string | null;
}

export function sessionJobOf({ lastId: _lastId, attempts: _attempts, ...job }: StoredJob): SessionJob {
  return {
    ...job,
    approvedAt: dateOf(job.approvedAt),
    heartbeatAt: dateOf(job.heartbeatAt),
    createdAt: new Date(job.createdAt),
    startedAt: dateOf(job.startedAt),
    finishedAt: dateOf(job.finishedAt),
  };
}

function dateOf(at: number | null): Date | null {
  return at === null ? null : new Date(at);
}
