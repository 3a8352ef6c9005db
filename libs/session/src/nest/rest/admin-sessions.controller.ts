import { Body, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { IdentitySessionError } from '../../core/errors.js';
import type { ChangeContext } from '../../store/change-context.js';
import { SessionAccess } from '../admin/session-access.js';
import type { BulkResult } from '../admin/bulk-input.js';
import { SessionAdminService } from '../admin/session-admin.service.js';
import { CurrentSession } from '../guard/route.decorators.js';
import { SessionIds } from '../session/session-ids.js';
import type { Session } from '../session/session.js';
import { type SessionJson, sessionToJson } from '../session/session-json.js';
import { notFound } from '../sign-in/not-found.js';
import { encodeCursor, pageOf } from './cursor.js';
import { withoutUndefined } from './defined.js';
import { conditionsOf } from './conditions-of.js';
import { RequestContext, tagged } from './request-context.js';
import {
  APPROVE,
  END_THEIRS,
  NOTHING,
  REJECT,
  RESUME,
  REVOKE_MATCHING,
  RESUMED,
  REVOKED,
  SEARCH,
  SUSPEND,
} from './session-queries.js';
import { NamedSessionsPipe, SessionIdPipe } from './session-id.pipe.js';
import { ZodValidationPipe } from './zod-validation.pipe.js';

/** Behind the guard. What administrators do, within the scope that the application's policy gives them. */
export class AdminSessionsController {
  constructor(
    @Inject(SessionAdminService) private readonly admin: SessionAdminService,
    @Inject(SessionAccess) private readonly access: SessionAccess,
    @Inject(SessionIds) private readonly ids: SessionIds,
  ) {}

  @Get('sessions')
  async search(
    @CurrentSession() actor: Session,
    @Query(new ZodValidationPipe(SEARCH)) query: z.output<typeof SEARCH>,
  ): Promise<{ items: SessionJson[]; nextCursor: string | null }> {
    const scope = await this.access.scopeOf(actor, 'read');
    const { limit, cursor, sort, ...filter } = query;
    const page = pageOf(sort, limit, cursor, this.ids);
    const { sessions, next } = await this.admin.searchPage({ ...withoutUndefined(filter), scope }, page);
    return {
      items: sessions.map((session) => sessionToJson(session, actor.id, this.ids)),
      nextCursor: next && encodeCursor(sort, next, this.ids),
    };
  }

  @Get('sessions/:id')
  async find(
    @CurrentSession() actor: Session,
    @Param('id', SessionIdPipe) id: string,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
  ): Promise<SessionJson> {
    const session = await this.admin.find(id, await this.access.scopeOf(actor, 'read'));
    if (session === undefined) throw notFound();
    return sessionToJson(session, actor.id, this.ids);
  }

  @Delete('sessions/:id')
  @HttpCode(204)
  async revoke(
    @CurrentSession() actor: Session,
    @Param('id', SessionIdPipe) id: string,
    @Query(new ZodValidationPipe(END_THEIRS)) query: z.output<typeof END_THEIRS>,
    @RequestContext() context: ChangeContext,
  ): Promise<void> {
    const scope = await this.access.scopeOf(actor, 'end');
    const includeProtected = await this.access.protectionOf(actor, 'end');
    const input = { reason: query.reason ?? REVOKED, by: actor.userId, ...context, scope, includeProtected };
    const revoked = await this.admin.revoke(id, input);
    if (revoked === undefined) throw notFound();
  }

  @Post('sessions/revoke')
  @HttpCode(200)
  async revokeMatching(
    @CurrentSession() actor: Session,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
    @Body(new ZodValidationPipe(REVOKE_MATCHING), NamedSessionsPipe) body: z.output<typeof REVOKE_MATCHING>,
    @RequestContext() context: ChangeContext,
  ): Promise<BulkResult> {
    const scope = await this.access.scopeOf(actor, 'end');
    const { filter, except, tags, includeProtected, ...input } = body;
    return this.admin.revokeMatching({
      ...input,
      ...tagged(context, tags),
      filter: conditionsOf({ filter, except }),
      by: actor.userId,
      scope,
      includeProtected: await this.access.inclusionOf(actor, 'end', includeProtected),
    });
  }

  @Post('sessions/:id/suspend')
  @HttpCode(200)
  async suspend(
    @CurrentSession() actor: Session,
    @Param('id', SessionIdPipe) id: string,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
    @Body(new ZodValidationPipe(SUSPEND)) { reason, tags }: z.output<typeof SUSPEND>,
    @RequestContext() context: ChangeContext,
  ): Promise<SessionJson> {
    const scope = await this.access.scopeOf(actor, 'suspend');
    const includeProtected = await this.access.protectionOf(actor, 'suspend');
    const note = { reason, by: actor.userId, ...tagged(context, tags) };
    const session = await this.admin.suspend(id, { ...note, scope, includeProtected });
    if (session === undefined) throw notFound();
    return sessionToJson(session, actor.id, this.ids);
  }

  @Post('sessions/:id/resume')
  @HttpCode(200)
  async resume(
    @CurrentSession() actor: Session,
    @Param('id', SessionIdPipe) id: string,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
    @Body(new ZodValidationPipe(RESUME)) { reason = RESUMED, tags }: z.output<typeof RESUME>,
    @RequestContext() context: ChangeContext,
  ): Promise<SessionJson> {
    const scope = await this.access.scopeOf(actor, 'suspend');
    const session = await this.admin.resume(id, { reason, by: actor.userId, ...tagged(context, tags), scope });
    if (session === undefined) throw notFound();
    return sessionToJson(session, actor.id, this.ids);
  }

  @Post('sessions/:id/approve')
  @HttpCode(200)
  async approve(
    @CurrentSession() actor: Session,
    @Param('id', SessionIdPipe) id: string,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
    @Body(new ZodValidationPipe(APPROVE)) { requirement, tags }: z.output<typeof APPROVE>,
    @RequestContext() context: ChangeContext,
  ): Promise<SessionJson> {
    const scope = await this.access.scopeOf(actor, 'approve');
    // Whoever acts as an approver may be the one who is to be approved.
    if (actor.impersonator !== null) throw new IdentitySessionError('FORBIDDEN', 'An approver approves in person.');
    const { userId: by, tenantId } = actor;
    const session = await this.admin.approve(id, { requirement, by, tenantId, ...tagged(context, tags), scope });
    if (session === undefined) throw notFound();
    return sessionToJson(session, actor.id, this.ids);
  }

  @Post('sessions/:id/reject')
  @HttpCode(200)
  async reject(
    @CurrentSession() actor: Session,
    @Param('id', SessionIdPipe) id: string,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
    @Body(new ZodValidationPipe(REJECT)) { reason, tags }: z.output<typeof REJECT>,
    @RequestContext() context: ChangeContext,
  ): Promise<SessionJson> {
    const scope = await this.access.scopeOf(actor, 'approve');
    const includeProtected = await this.access.protectionOf(actor, 'end');
    const note = { reason, by: actor.userId, ...tagged(context, tags) };
    const session = await this.admin.reject(id, { ...note, scope, includeProtected });
    if (session === undefined) throw notFound();
    return sessionToJson(session, actor.id, this.ids);
  }
}
