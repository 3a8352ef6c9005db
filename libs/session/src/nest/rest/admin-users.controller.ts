import { Delete, Get, HttpCode, Inject, Param, Query } from '@nestjs/common';
import type { z } from 'zod';
import type { ChangeContext } from '../../store/change-context.js';
import { isStorableIdentifier } from '../../store/storable-text.js';
import { SessionAccess } from '../admin/session-access.js';
import { SessionAdminService } from '../admin/session-admin.service.js';
import { CurrentSession } from '../guard/route.decorators.js';
import { SessionIds } from '../session/session-ids.js';
import type { Session } from '../session/session.js';
import { type SessionJson, sessionToJson } from '../session/session-json.js';
import { notFound } from '../sign-in/not-found.js';
import { RequestContext } from './request-context.js';
import { END_ALL_THEIRS, END_THEIRS, NOTHING, REVOKED } from './session-queries.js';
import { SessionIdPipe } from './session-id.pipe.js';
import { ZodValidationPipe } from './zod-validation.pipe.js';

/** A user's sessions come in one answer. */
const MOST_SESSIONS_OF_A_USER = 1_000;

/** Behind the guard. The sessions of one user, within the scope that the application's policy gives. */
export class AdminUsersController {
  constructor(
    @Inject(SessionAdminService) private readonly admin: SessionAdminService,
    @Inject(SessionAccess) private readonly access: SessionAccess,
    @Inject(SessionIds) private readonly ids: SessionIds,
  ) {}

  @Get('users/:userId/sessions')
  async list(
    @CurrentSession() actor: Session,
    @Param('userId') userId: string,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
  ): Promise<{ items: SessionJson[] }> {
    const scope = await this.access.scopeOf(actor, 'read');
    const page = { limit: MOST_SESSIONS_OF_A_USER, descending: true, after: null };
    const sessions = await this.admin.search({ userId: existing(userId), status: 'live', scope }, page);
    return { items: sessions.map((session) => sessionToJson(session, actor.id, this.ids)) };
  }

  @Delete('users/:userId/sessions')
  @HttpCode(200)
  async revokeAll(
    @CurrentSession() actor: Session,
    @Param('userId') userId: string,
    @Query(new ZodValidationPipe(END_ALL_THEIRS)) query: z.output<typeof END_ALL_THEIRS>,
    @RequestContext() context: ChangeContext,
  ): Promise<{ revoked: number }> {
    const scope = await this.access.scopeOf(actor, 'end');
    const includeProtected = await this.access.inclusionOf(actor, 'end', query.includeProtected === 'true');
    const input = { reason: query.reason ?? REVOKED, by: actor.userId, ...context, scope, includeProtected };
    return this.admin.revokeAll({ ...input, filter: { userId: existing(userId) } });
  }

  @Delete('users/:userId/sessions/:id')
  @HttpCode(204)
  async revoke(
    @CurrentSession() actor: Session,
    @Param('userId') userId: string,
    @Param('id', SessionIdPipe) id: string,
    @Query(new ZodValidationPipe(END_THEIRS)) query: z.output<typeof END_THEIRS>,
    @RequestContext() context: ChangeContext,
  ): Promise<void> {
    const scope = await this.access.scopeOf(actor, 'end');
    const includeProtected = await this.access.protectionOf(actor, 'end');
    const note = { reason: query.reason ?? REVOKED, by: actor.userId, ...context };
    const input = { ...note, scope, includeProtected, userId: existing(userId) };
    if ((await this.admin.revoke(id, input)) === undefined) throw notFound();
  }
}

/** No user has an id that cannot be stored. */
export function existing(userId: string): string {
  if (!isStorableIdentifier(userId)) throw notFound();
  return userId;
}
