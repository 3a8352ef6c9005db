import { Body, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import type { ChangeContext } from '../../store/change-context.js';
import { SessionAccess } from '../admin/session-access.js';
import { SessionAdminService } from '../admin/session-admin.service.js';
import { CurrentSession } from '../guard/route.decorators.js';
import { SessionIds } from '../session/session-ids.js';
import type { Session } from '../session/session.js';
import { type SessionJson, sessionToJson } from '../session/session-json.js';
import { notFound } from '../sign-in/not-found.js';
import { RequestContext, tagged } from './request-context.js';
import { NOTHING, UNDO, UNDONE } from './session-queries.js';
import { SessionIdPipe } from './session-id.pipe.js';
import { ZodValidationPipe } from './zod-validation.pipe.js';

/** A revocation that was undone, in an answer. */
export interface UndoJson {
  readonly session: SessionJson;
  readonly restorableUntil: string;
}

/** Behind the guard. Takes a revocation back, for as long as that is configured. */
export class AdminUndoController {
  constructor(
    @Inject(SessionAdminService) private readonly admin: SessionAdminService,
    @Inject(SessionAccess) private readonly access: SessionAccess,
    @Inject(SessionIds) private readonly ids: SessionIds,
  ) {}

  @Post('sessions/:id/undo')
  @HttpCode(200)
  async undo(
    @CurrentSession() actor: Session,
    @Param('id', SessionIdPipe) id: string,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
    @Body(new ZodValidationPipe(UNDO)) { reason = UNDONE, tags }: z.output<typeof UNDO>,
    @RequestContext() context: ChangeContext,
  ): Promise<UndoJson> {
    const scope = await this.access.scopeOf(actor, 'end');
    const includeProtected = await this.access.protectionOf(actor, 'end');
    const undone = await this.admin.undo(id, {
      reason,
      by: actor.userId,
      ...tagged(context, tags),
      scope,
      includeProtected,
    });
    if (undone === undefined) throw notFound();
    return {
      session: sessionToJson(undone.session, actor.id, this.ids),
      restorableUntil: undone.restorableUntil.toISOString(),
    };
  }
}
