import type { JobFilter, JobKind, JobStatus } from '../../store/session-jobs.js';
import type { SessionIds } from '../session/session-ids.js';
import type { SessionJob } from '../jobs/session-job.js';

/** A job in an answer: exactly these keys, absent values `null`, times ISO 8601 in UTC. */
export interface JobJson {
  readonly id: string;
  readonly kind: JobKind;
  readonly status: JobStatus;
  /** As it was asked. */
  readonly filter: Omit<JobFilter, 'exceptIds' | 'includeProtected'>;
  readonly except: readonly string[];
  /** Of a job that protected sessions are meant by too. */
  readonly includeProtected?: true;
  readonly reason: string;
  readonly max: number | null;
  readonly matched: number;
  readonly changed: number;
  readonly skipped: number;
  readonly askedBy: string | null;
  readonly approvedBy: string | null;
  readonly cancelledBy: string | null;
  readonly node: string | null;
  readonly createdAt: string;
  readonly approvedAt: string | null;
  readonly startedAt: string | null;
  readonly heartbeatAt: string | null;
  readonly finishedAt: string | null;
  readonly error: string | null;
}

/** Which nodes there are is for those who administrate everybody. */
export function jobToJson(job: SessionJob, showsNode: boolean, ids: SessionIds): JobJson {
  const { exceptIds = [], includeProtected, ids: named, ...filter } = job.filter;
  const shown = (id: string): string => ids.encode(id);
  return {
    id: job.id,
    kind: job.kind,
    status: job.status,
    filter: named === undefined ? filter : { ...filter, ids: named.map(shown) },
    except: exceptIds.map(shown),
    ...(includeProtected === undefined ? {} : { includeProtected: true }),
    reason: job.reason,
    max: job.max,
    matched: job.matched,
    changed: job.changed,
    skipped: job.skipped,
    askedBy: job.askedBy,
    approvedBy: job.approvedBy,
    cancelledBy: job.cancelledBy,
    node: showsNode ? job.node : null,
    createdAt: job.createdAt.toISOString(),
    approvedAt: job.approvedAt?.toISOString() ?? null,
    startedAt: job.startedAt?.toISOString() ?? null,
    heartbeatAt: job.heartbeatAt?.toISOString() ?? null,
    finishedAt: job.finishedAt?.toISOString() ?? null,
    error: job.error,
  };
}
