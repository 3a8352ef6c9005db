import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';
import { isLive } from '../../core/lifecycle.js';
import type { SessionSubject } from '../../core/session.js';
import { partsOfScope, reaches, reachOf } from '../../store/scope-reach.js';
import {
  JOB_KINDS,
  filterToMatch,
  type JobFilter,
  type JobKind,
  type JobPage,
  keepsJobs,
  type SessionJobStore,
} from '../../store/session-jobs.js';
import { EVERYBODY, type SessionScope, type SessionStore } from '../../store/session-store.js';
import { MAX_IDENTIFIER_LENGTH, MAX_REASON_LENGTH, storableText } from '../../store/storable-text.js';
import { isEmptyFilter, type SessionSearch } from '../admin/session-search.js';
import type { ProtectedInclusion } from '../admin/protection.js';
import { RESOLVED_OPTIONS, SESSION_STORE } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { Session } from '../session/session.js';
import { SessionExport } from './session-export.js';
import { storableFilter } from './job-filter.js';
import { type SessionJob, sessionJobOf } from './session-job.js';
import { SessionJobWorker } from './session-job-worker.js';

/** What a column holds. */
const MOST_COUNTED = 2 ** 31 - 1;

/** Whose sessions somebody may revoke or suspend, by kind; a kind that is absent is none of theirs. */
export type JobRights = Readonly<Partial<Record<JobKind, SessionScope>>>;

/** Whoever may do everything. */
const ALL_RIGHTS: JobRights = { revoke: EVERYBODY, suspend: EVERYBODY };

export interface StartJobInput {
  readonly kind: JobKind;
  /** Which sessions, of those that there are now: what begins later is left alone. */
  readonly filter: SessionSearch;
  /** Kept with the job and with each session. */
  readonly reason: string;
  /** The administrator's user id, or what part of the system asks for it. */
  readonly by: string | null;
  /** Who really asks, where somebody has signed in as the administrator: they get no second approval. */
  readonly impersonator?: SessionSubject | null;
  /** The most that it may reach, kept with the job: a right that is taken away later stops none. */
  readonly scope?: SessionScope;
  /** Whether protected sessions are meant too; kept with the job as the scope is. Default false. */
  readonly includeProtected?: ProtectedInclusion;
  /** Changes nothing and makes no job: tells how many match. */
  readonly dryRun?: boolean;
  /** Changes no more than this many, the first by id. Default: all. */
  readonly max?: number;
}

/** What came of asking for a job. */
export interface StartedJob {
  /** Sessions that match now. */
  readonly matched: number;
  /** `null` for a dry run. */
  readonly job: SessionJob | null;
}

export interface JobActor {
  /** The user id of whoever approves or cancels. */
  readonly by: string;
  readonly impersonator?: SessionSubject | null;
  /** Jobs outside of these do not exist for them. Default: all. */
  readonly rights?: JobRights;
}

/**
 * Revokes and suspends by filter, however many there are: page by page, by whichever node is there, with progress in a row
 * that outlives every node. A page and its count are written together, so nothing is done or counted twice.
 */
@Injectable()
export class SessionJobs {
  constructor(
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(SessionJobWorker) private readonly worker: SessionJobWorker,
    @Inject(SessionExport) private readonly sessions: SessionExport,
    @Inject(RESOLVED_OPTIONS) private readonly options: Pick<ResolvedOptions, 'jobs'>,
  ) {}

  /**
   * Asks for a job. It begins at once on some node, or once somebody else has approved it, where `jobs.secondApprover`
   * says so.
   * @throws IdentitySessionError `VALIDATION_FAILED` for an empty filter and for one that nothing can match,
   * `SECOND_APPROVER_NEEDED` where an impersonated administrator asks for what must be approved,
   * `SESSION_STORE_UNAVAILABLE`
   */
  async start(input: StartJobInput): Promise<StartedJob> {
    const { kind, by, scope = input.filter.scope ?? EVERYBODY } = input;
    const filter = { ...checkedFilter(input.filter), ...protectedOf(input.includeProtected) };
    const max = checkedMax(input.max);
    const reason = storableText(input.reason, MAX_REASON_LENGTH) ?? 'unspecified';
    const matched = await this.store.count(filterToMatch(filter, scope));
    if (input.dryRun === true) return { matched, job: null };
    const asked = { kind, filter, scope, reason, max, matched };
    const askedBy = by === null ? null : storableText(by, MAX_IDENTIFIER_LENGTH);
    const { secondApprover } = this.options.jobs;
    const needsApproval = typeof secondApprover === 'function' ? secondApprover({ ...asked, by }) : secondApprover;
    if (needsApproval && isImpersonated(input))
      throw notYours('A job that somebody must approve is asked for in person.');
    const job = await this.#jobs().createJob({ ...asked, id: randomUUID(), askedBy, needsApproval });
    this.worker.wake();
    return { matched, job: sessionJobOf(job) };
  }

  /** A job; `undefined` for an unknown id, and for one that could not have been asked for with these rights. */
  async find(id: string, rights: JobRights = ALL_RIGHTS): Promise<SessionJob | undefined> {
    if (!isJobId(id)) return undefined;
    const job = await this.#jobs().findJob(id);
    if (job === undefined) return undefined;
    const right = rights[job.kind];
    return right !== undefined && reaches(reachOf(right), partsOfScope(job.scope)) ? sessionJobOf(job) : undefined;
  }

  /** A page of the jobs that could have been asked for with these rights, newest first. */
  async list(page: JobPage, rights: JobRights = ALL_RIGHTS): Promise<SessionJob[]> {
    const reach = JOB_KINDS.flatMap((kind) => {
      const right = rights[kind];
      return right === undefined ? [] : [[kind, reachOf(right)] as const];
    });
    return (await this.#jobs().listJobs(Object.fromEntries(reach), page)).map(sessionJobOf);
  }

  /**
   * Lets a job begin that somebody else has asked for. Once more by the same person changes nothing.
   * @returns the job, or `undefined` where `find` gives none
   * @throws IdentitySessionError `SECOND_APPROVER_NEEDED` for whoever has asked for it, and for who is impersonated;
   * `JOB_STATE_CONFLICT` where it waits for no approval, or not any more
   */
  async approve(id: string, { by, impersonator = null, rights }: JobActor): Promise<SessionJob | undefined> {
    const found = await this.find(id, rights);
    if (found === undefined) return undefined;
    if (found.askedBy === by || impersonator !== null) throw notYours('Somebody other than who asked must approve it.');
    const approved = await this.#jobs().approveJob(id, by, this.options.jobs.approvalWithinMs);
    this.worker.wake();
    if (approved !== undefined) return sessionJobOf(approved);
    const now = await this.find(id, rights);
    // Also after an answer that was lost.
    if (now?.approvedBy === by) return now;
    throw conflict(now?.status === 'awaiting_approval' ? 'no longer to be approved' : (now?.status ?? 'gone'));
  }

  /**
   * Stops a job: once it has resolved nothing more is changed; what was changed stays so. Once more changes nothing.
   * @returns the job, or `undefined` where `find` gives none
   * @throws IdentitySessionError `JOB_STATE_CONFLICT` where it is over
   */
  async cancel(id: string, { by, rights }: Omit<JobActor, 'impersonator'>): Promise<SessionJob | undefined> {
    if ((await this.find(id, rights)) === undefined) return undefined;
    const cancelled = await this.#jobs().cancelJob(id, by);
    if (cancelled !== undefined) return sessionJobOf(cancelled);
    const now = await this.find(id, rights);
    if (now?.status === 'cancelled') return now;
    throw conflict(now?.status ?? 'gone');
  }

  /**
   * Sessions that match, one by one in the order in which they began: of what there is when the first is asked for, read
   * page by page as they are taken. Needs no job, since it changes nothing: whoever is interrupted begins anew.
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE`
   */
  async *export(search: SessionSearch): AsyncGenerator<Session, void, undefined> {
    for await (const page of this.sessions.pages(search)) yield* page;
  }

  #jobs(): SessionJobStore {
    if (keepsJobs(this.store)) return this.store.jobs;
    throw new IdentitySessionError('CONFIGURATION_INVALID', 'The store of the application keeps no jobs.');
  }
}

function checkedFilter(search: SessionSearch): JobFilter {
  if (isEmptyFilter(search)) {
    throw new IdentitySessionError('VALIDATION_FAILED', 'The filter is empty. Say whose sessions are meant.', {
      errors: [{ field: 'filter', message: 'is empty' }],
    });
  }
  const { status } = search;
  if (status !== undefined && status !== 'live' && status !== 'unended' && !isLive(status)) {
    throw new IdentitySessionError('VALIDATION_FAILED', 'What has ended can neither be revoked nor suspended.', {
      errors: [{ field: 'filter.status', message: 'is none of a live session' }],
    });
  }
  return storableFilter(search);
}

function protectedOf(included: ProtectedInclusion = false): Pick<JobFilter, 'includeProtected'> {
  if (included === false) return {};
  return { includeProtected: included === true ? EVERYBODY : included };
}

function checkedMax(max = Number.POSITIVE_INFINITY): number | null {
  if (max === Number.POSITIVE_INFINITY) return null;
  if (Number.isInteger(max) && max >= 1 && max <= MOST_COUNTED) return max;
  throw new IdentitySessionError('VALIDATION_FAILED', `max must be a whole number from 1 to ${MOST_COUNTED}.`, {
    errors: [{ field: 'max', message: 'is out of bounds' }],
  });
}

function isImpersonated({ impersonator }: Pick<StartJobInput, 'impersonator'>): boolean {
  return impersonator !== undefined && impersonator !== null;
}

function isJobId(id: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);
}

function notYours(message: string): IdentitySessionError {
  return new IdentitySessionError('SECOND_APPROVER_NEEDED', message);
}

function conflict(status: string): IdentitySessionError {
  return new IdentitySessionError('JOB_STATE_CONFLICT', `The job is ${status.replace('_', ' ')}.`);
}
