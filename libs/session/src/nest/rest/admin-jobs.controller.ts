import { Body, Get, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import type { z } from 'zod';
import { IdentitySessionError } from '../../core/errors.js';
import { partsOfScope, reaches, reachOf } from '../../store/scope-reach.js';
import type { JobKind } from '../../store/session-jobs.js';
import type { SessionScope } from '../../store/session-store.js';
import { SessionAccess } from '../admin/session-access.js';
import type { AdministrationAction } from '../admin/session-access-policy.js';
import { CurrentSession } from '../guard/route.decorators.js';
import { type JobRights, SessionJobs } from '../jobs/session-jobs.service.js';
import type { SessionJob } from '../jobs/session-job.js';
import { SessionIds } from '../session/session-ids.js';
import type { Session } from '../session/session.js';
import { decodeJobCursor, encodeJobCursor } from './cursor.js';
import { conditionsOf } from './conditions-of.js';
import { type JobJson, jobToJson } from './job-json.js';
import { JOBS, START_JOB } from './job-queries.js';
import { NamedSessionsPipe } from './session-id.pipe.js';
import { NOTHING } from './session-queries.js';
import { ZodValidationPipe } from './zod-validation.pipe.js';

/** What a kind of job takes a right to. */
const ACTION_OF = { revoke: 'end', suspend: 'suspend' } as const satisfies Record<JobKind, AdministrationAction>;

/** What both frameworks' responses have. */
interface StatusResponse {
  status(code: number): unknown;
}

/** Behind the guard. Work on many sessions, within the scope that the application's policy gives. */
export class AdminJobsController {
  constructor(
    @Inject(SessionJobs) private readonly jobs: SessionJobs,
    @Inject(SessionAccess) private readonly access: SessionAccess,
    @Inject(SessionIds) private readonly ids: SessionIds,
  ) {}

  @Post('jobs')
  async start(
    @CurrentSession() actor: Session,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
    @Body(new ZodValidationPipe(START_JOB), NamedSessionsPipe) body: z.output<typeof START_JOB>,
    @Res({ passthrough: true }) response: StatusResponse,
  ): Promise<JobJson | { matched: number }> {
    const scope = await this.access.scopeOf(actor, ACTION_OF[body.kind]);
    const { filter, except, max, includeProtected, ...input } = body;
    const { matched, job } = await this.jobs.start({
      ...input,
      ...(max === undefined ? {} : { max }),
      filter: conditionsOf({ filter, except }),
      by: actor.userId,
      impersonator: actor.impersonator,
      scope,
      includeProtected: await this.access.inclusionOf(actor, ACTION_OF[body.kind], includeProtected),
    });
    response.status(job === null ? 200 : 201);
    return job === null ? { matched } : jobToJson(job, scope.kind === 'all', this.ids);
  }

  @Get('jobs')
  async list(
    @CurrentSession() actor: Session,
    @Query(new ZodValidationPipe(JOBS)) { limit, cursor }: z.output<typeof JOBS>,
  ): Promise<{ items: JobJson[]; nextCursor: string | null }> {
    const rights = await this.#rightsOf(actor);
    const found = await this.jobs.list({ limit: limit + 1, after: decodeJobCursor(cursor) }, rights);
    const shown = found.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: shown.map((job) => this.#shownTo(rights, job)),
      nextCursor: found.length > limit && last !== undefined ? encodeJobCursor(last) : null,
    };
  }

  @Get('jobs/:id')
  async find(
    @CurrentSession() actor: Session,
    @Param('id') id: string,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
  ): Promise<JobJson> {
    const rights = await this.#rightsOf(actor);
    return this.#shownTo(rights, found(await this.jobs.find(id, rights)));
  }

  @Post('jobs/:id/approve')
  @HttpCode(200)
  async approve(
    @CurrentSession() actor: Session,
    @Param('id') id: string,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
    @Body(new ZodValidationPipe(NOTHING)) _body: unknown,
  ): Promise<JobJson> {
    const rights = await this.#rightsToChange(actor, id, true);
    const { userId: by, impersonator } = actor;
    return this.#shownTo(rights, found(await this.jobs.approve(id, { by, impersonator, rights })));
  }

  @Post('jobs/:id/cancel')
  @HttpCode(200)
  async cancel(
    @CurrentSession() actor: Session,
    @Param('id') id: string,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
    @Body(new ZodValidationPipe(NOTHING)) _body: unknown,
  ): Promise<JobJson> {
    const rights = await this.#rightsToChange(actor, id, false);
    return this.#shownTo(rights, found(await this.jobs.cancel(id, { by: actor.userId, rights })));
  }

  #shownTo(rights: JobRights, job: SessionJob): JobJson {
    return jobToJson(job, rights[job.kind]?.kind === 'all', this.ids);
  }

  /** As whoever would ask for the job; to stop one takes no right to protected sessions. */
  async #rightsToChange(actor: Session, id: string, isApproval: boolean): Promise<JobRights> {
    const rights = await this.#rightsOf(actor);
    const { kind, filter } = found(await this.jobs.find(id, rights));
    const right = await this.access.scopeOf(actor, ACTION_OF[kind]);
    if (isApproval && filter.includeProtected !== undefined)
      await this.#demandProtection(actor, kind, filter.includeProtected);
    return { [kind]: right };
  }

  async #demandProtection(actor: Session, kind: JobKind, asked: SessionScope): Promise<void> {
    const right = await this.access.inclusionOf(actor, ACTION_OF[kind], true);
    if (right !== false && reaches(reachOf(right), partsOfScope(asked))) return;
    throw new IdentitySessionError('FORBIDDEN', 'The job reaches protected sessions that you may not end or suspend.');
  }

  async #rightsOf(actor: Session): Promise<JobRights> {
    const { end, suspend } = await this.access.rightsOf(actor, ['end', 'suspend']);
    return { ...(end === undefined ? {} : { revoke: end }), ...(suspend === undefined ? {} : { suspend }) };
  }
}

/** An unknown one and somebody else's are answered alike. */
function found(job: SessionJob | undefined): SessionJob {
  if (job !== undefined) return job;
  throw new IdentitySessionError('JOB_NOT_FOUND', 'There is no such job, or not for you.');
}
