import type { EndedVersion } from './session-cleanup.js';
import type { SessionFilter, SessionScope } from './session-store.js';
import type { ScopeReach } from './scope-reach.js';

/** What a job does to each session that matches. */
export const JOB_KINDS = ['revoke', 'suspend'] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/** `awaiting_approval` → `running` → `done` or `failed`; `cancelled` out of both of the first. */
export const JOB_STATUSES = ['awaiting_approval', 'running', 'done', 'cancelled', 'failed'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** Which sessions, without the right to them. */
export type JobFilter = Omit<SessionFilter, 'scope' | 'afterId' | 'createdUntil' | 'protectedWithin'> & {
  /** Which protected sessions are meant too. Absent: none, also of a job from before there were any. */
  readonly includeProtected?: SessionScope;
};

/** A job as it is asked for. Text is storable already. */
export interface NewJob {
  /** Chosen by the caller, so that a retry after a lost answer finds its own job. */
  readonly id: string;
  readonly kind: JobKind;
  readonly filter: JobFilter;
  /** The right that it was asked with; part of every statement, for as long as the job runs. */
  readonly scope: SessionScope;
  readonly reason: string;
  readonly askedBy: string | null;
  /** Changes no more than this many; `null` is all. */
  readonly max: number | null;
  /** How many matched when it was asked. */
  readonly matched: number;
  readonly needsApproval: boolean;
}

/** A job as it is stored; times in milliseconds on the store's clock. */
export interface StoredJob extends Omit<NewJob, 'needsApproval'> {
  readonly status: JobStatus;
  /** Sessions that it has changed. */
  readonly changed: number;
  /** Sessions that it has looked at and left: somebody else was first, or they cannot take the step. */
  readonly skipped: number;
  /** The last id that it has looked at. */
  readonly lastId: string | null;
  readonly approvedBy: string | null;
  readonly approvedAt: number | null;
  readonly cancelledBy: string | null;
  /** The node that is at it. */
  readonly node: string | null;
  readonly heartbeatAt: number | null;
  /** How often it was begun or taken over since it last came on. */
  readonly attempts: number;
  /** Sessions that began later are not the job's. */
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly error: string | null;
}

/** Jobs that somebody could have asked for, by kind; a kind that is absent is none of theirs. */
export type JobReach = Readonly<Partial<Record<JobKind, ScopeReach>>>;

/** A page of jobs, newest first. */
export interface JobPage {
  /** 1 to 1 000. */
  readonly limit: number;
  /** The last job of the page before. */
  readonly after: { readonly createdAt: number; readonly id: string } | null;
}

/** A node that works. Each claim has an id of its own: a node that was taken for dead holds an old one. */
export interface JobClaim {
  readonly claim: string;
  readonly node: string;
  /** A job without a sign of life for so long is anybody's. */
  readonly takeOverAfterMs: number;
}

/** One page of a job: the sessions to look at, in id order. */
export interface JobStep {
  readonly id: string;
  readonly claim: string;
  /** 1 to `BULK_PAGE`. */
  readonly ids: readonly string[];
  /** As for `SessionStore.changeStatus`, where the job suspends. */
  readonly freesSlot: boolean;
}

export interface JobProgress {
  readonly job: StoredJob;
  /** What the page has changed. */
  readonly versions: readonly EndedVersion[];
}

/**
 * What a store that keeps jobs can do; not every store does. Whoever is not, or no longer, the holder of the claim
 * changes nothing.
 */
export interface SessionJobStore {
  createJob(job: NewJob): Promise<StoredJob>;
  findJob(id: string): Promise<StoredJob | undefined>;
  listJobs(reach: JobReach, page: JobPage): Promise<readonly StoredJob[]>;
  /** By somebody other than who asked, and within `withinMs` of that; `undefined` where that is not so, or not awaited. */
  approveJob(id: string, by: string, withinMs: number): Promise<StoredJob | undefined>;
  /** From then on it changes nothing more; `undefined` where it is over. */
  cancelJob(id: string, by: string | null): Promise<StoredJob | undefined>;
  /** A running job that nobody is at, or nobody any more. It is the caller's from then on. */
  claimJob(claim: JobClaim): Promise<StoredJob | undefined>;
  /**
   * Looks at one page, changes what matches, and notes how far the job has come, all or nothing of it; no session is
   * changed or counted twice, whatever breaks off. `undefined` where the job is not the caller's any more.
   */
  stepJob(step: JobStep): Promise<JobProgress | undefined>;
  /** A sign of life; false where the job is not the caller's any more. */
  beatJob(id: string, claim: string): Promise<boolean>;
  /** Hands it back: anybody may go on at once. */
  releaseJob(id: string, claim: string): Promise<void>;
  /** With an `error` it has failed. */
  finishJob(id: string, claim: string, error: string | null): Promise<StoredJob | undefined>;
  /** Cancels what nobody has approved within `approvalWithinMs`, and forgets what was over `retentionMs` ago. */
  tidyJobs(rules: { readonly approvalWithinMs: number; readonly retentionMs: number }): Promise<void>;
}

/** A store with jobs. */
export interface JobKeepingStore {
  readonly jobs: SessionJobStore;
}

/** True for a store that keeps jobs. */
export function keepsJobs<TStore extends object>(store: TStore): store is TStore & JobKeepingStore {
  return 'jobs' in store && store.jobs !== undefined;
}

/** The sessions of a job, as a filter: what was there when it was asked. */
export function filterOfJob({
  filter,
  scope,
  createdAt,
}: Pick<StoredJob, 'filter' | 'scope' | 'createdAt'>): SessionFilter {
  return { ...filterToMatch(filter, scope), createdUntil: createdAt };
}

/** What a job would match now. */
export function filterToMatch({ includeProtected, ...filter }: JobFilter, scope: SessionScope): SessionFilter {
  return { ...filter, status: filter.status ?? 'unended', scope, protectedWithin: includeProtected ?? null };
}

/** Why a job was cancelled that nobody has approved. */
export const NOT_APPROVED = 'Nobody has approved it in time.';
