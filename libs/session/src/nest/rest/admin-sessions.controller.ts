import { Delete, Get, HttpCode, Inject, Param, Query } from '@nestjs/common';
import type { z } from 'zod';
import { SessionAccess } from '../admin/session-access.js';
import { SessionAdminService } from '../admin/session-admin.service.js';
import { CurrentSession } from '../guard/route.decorators.js';
import type { Session } from '../session/session.js';
import { type SessionJson, sessionToJson } from '../session/session-json.js';
import { notFound } from '../sign-in/session.service.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { withoutUndefined } from './defined.js';
import { END_THEIRS, NOTHING, REVOKED, SEARCH } from './session-queries.js';
import { ZodValidationPipe } from './zod-validation.pipe.js';

/** Behind the guard. What administrators do, within the scope that the application's policy gives them. */
export class AdminSessionsController {
  constructor(
    @Inject(SessionAdminService) private readonly admin: SessionAdminService,
    @Inject(SessionAccess) private readonly access: SessionAccess,
  ) {}

  @Get('sessions')
  async search(
    @CurrentSession() actor: Session,
    @Query(new ZodValidationPipe(SEARCH)) query: z.output<typeof SEARCH>,
  ): Promise<{ items: SessionJson[]; nextCursor: string | null }> {
    const scope = await this.access.scopeOf(actor, 'read');
    const { limit, cursor, sort, ...filter } = query;
    const page = { limit: limit + 1, descending: sort === '-createdAt', after: decodeCursor(cursor) };
    const found = await this.admin.search({ ...withoutUndefined(filter), scope }, page);
    const items = found.slice(0, limit);
    const last = items.at(-1);
    return {
      items: items.map((session) => sessionToJson(session, actor.id)),
      nextCursor: found.length > limit && last !== undefined ? encodeCursor(last) : null,
    };
  }

  @Get('sessions/:id')
  async find(
    @CurrentSession() actor: Session,
    @Param('id') id: string,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
  ): Promise<SessionJson> {
    const session = await this.admin.find(id, await this.access.scopeOf(actor, 'read'));
    if (session === undefined) throw notFound(id);
    return sessionToJson(session, actor.id);
  }

  @Delete('sessions/:id')
  @HttpCode(204)
  async revoke(
    @CurrentSession() actor: Session,
    @Param('id') id: string,
    @Query(new ZodValidationPipe(END_THEIRS)) query: z.output<typeof END_THEIRS>,
  ): Promise<void> {
    const scope = await this.access.scopeOf(actor, 'end');
    const revoked = await this.admin.revoke(id, { reason: query.reason ?? REVOKED, by: actor.userId, scope });
    if (revoked === undefined) throw notFound(id);
  }
}
