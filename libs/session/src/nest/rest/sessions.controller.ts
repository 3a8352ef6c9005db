import { Body, Delete, Get, HttpCode, Inject, Param, Patch, Query, Req, Res } from '@nestjs/common';
import type { z } from 'zod';
import type { ChangeContext } from '../../store/change-context.js';
import { NodeClock } from '../../sync/node-clock.js';
import { demandFreshFactor } from '../admin/fresh-factor.js';
import { SessionAdminService } from '../admin/session-admin.service.js';
import { CurrentSession } from '../guard/route.decorators.js';
import { RESOLVED_OPTIONS } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { SessionIds } from '../session/session-ids.js';
import type { Session } from '../session/session.js';
import { type SessionJson, sessionToJson } from '../session/session-json.js';
import { notFound } from '../sign-in/not-found.js';
import { SessionService } from '../sign-in/session.service.js';
import { RequestContext } from './request-context.js';
import { END_MINE, NAME_MINE, NOTHING } from './session-queries.js';
import { SessionIdPipe } from './session-id.pipe.js';
import { ZodValidationPipe } from './zod-validation.pipe.js';

const ENDED_BY_USER = 'ended_by_user';

/** Behind the guard. What signed-in users do with their own sessions. A foreign id is answered like an unknown one. */
export class SessionsController {
  constructor(
    @Inject(SessionService) private readonly sessions: SessionService,
    @Inject(SessionAdminService) private readonly admin: SessionAdminService,
    @Inject(NodeClock) private readonly clock: NodeClock,
    @Inject(SessionIds) private readonly ids: SessionIds,
    @Inject(RESOLVED_OPTIONS) private readonly options: Pick<ResolvedOptions, 'endOthersMaxAgeMs'>,
  ) {}

  @Get()
  async list(
    @CurrentSession() current: Session,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
  ): Promise<{ items: SessionJson[] }> {
    const sessions = await this.sessions.list(current);
    return { items: sessions.map((session) => sessionToJson(session, current.id, this.ids)) };
  }

  @Get('current')
  current(@CurrentSession() current: Session, @Query(new ZodValidationPipe(NOTHING)) _query: unknown): SessionJson {
    return sessionToJson(current, current.id, this.ids);
  }

  @Patch(':id')
  async name(
    @CurrentSession() current: Session,
    @Param('id', SessionIdPipe) id: string,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
    @Body(new ZodValidationPipe(NAME_MINE)) body: z.output<typeof NAME_MINE>,
    @RequestContext() context: ChangeContext,
  ): Promise<SessionJson> {
    const session = await this.sessions.name(current, id, body.deviceName, undefined, context);
    return sessionToJson(session, current.id, this.ids);
  }

  @Delete(':id')
  @HttpCode(204)
  async end(
    @CurrentSession() current: Session,
    @Param('id', SessionIdPipe) id: string,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
    @Req() request: unknown,
    @Res({ passthrough: true }) response: unknown,
    @RequestContext() context: ChangeContext,
  ): Promise<void> {
    if (id === current.id) {
      await this.sessions.signOut({ request, response, ...context });
      return;
    }
    this.#demandFreshness(current);
    const ended = await this.admin.revoke(id, { ...endedBy(current), ...context });
    if (ended === undefined) throw notFound();
  }

  @Delete()
  @HttpCode(200)
  async endAll(
    @CurrentSession() current: Session,
    @Query(new ZodValidationPipe(END_MINE)) query: z.output<typeof END_MINE>,
    @Req() request: unknown,
    @Res({ passthrough: true }) response: unknown,
    @RequestContext() context: ChangeContext,
  ): Promise<{ revoked: number }> {
    this.#demandFreshness(current);
    const { revoked } = await this.admin.revokeAll({
      ...endedBy(current),
      ...context,
      filter: { userId: current.userId, tenantId: current.tenantId, exceptIds: [current.id] },
    });
    if (query.includeCurrent !== 'true') return { revoked };
    const endedCurrent = await this.sessions.endPresented({ request, response, ...context });
    return { revoked: revoked + (endedCurrent ? 1 : 0) };
  }

  /** One's own anybody may leave. */
  #demandFreshness(current: Session): void {
    demandFreshFactor(current, this.options.endOthersMaxAgeMs, this.clock.now());
  }
}

function endedBy(current: Session) {
  const { userId, tenantId } = current;
  return { reason: ENDED_BY_USER, by: userId, scope: { kind: 'user', userId, tenantId } } as const;
}
