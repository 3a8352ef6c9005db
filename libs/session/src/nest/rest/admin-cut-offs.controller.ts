import { Body, HttpCode, Inject, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import type { ChangeContext } from '../../store/change-context.js';
import { SessionAccess } from '../admin/session-access.js';
import { SessionAdminService } from '../admin/session-admin.service.js';
import { CurrentSession } from '../guard/route.decorators.js';
import type { Session } from '../session/session.js';
import { withoutUndefined } from './defined.js';
import { RequestContext, tagged } from './request-context.js';
import { CUT_OFF, NOTHING } from './session-queries.js';
import { ZodValidationPipe } from './zod-validation.pipe.js';

/** A cut-off that was made; `null` means any. */
interface CutOffJson {
  readonly userId: string | null;
  readonly tenantId: string | null;
  readonly notBefore: string;
  readonly reason: string;
}

/** Behind the guard. "Nothing issued before now", within the scope that the application's policy gives. */
export class AdminCutOffsController {
  constructor(
    @Inject(SessionAdminService) private readonly admin: SessionAdminService,
    @Inject(SessionAccess) private readonly access: SessionAccess,
  ) {}

  @Post('cut-offs')
  @HttpCode(201)
  async cutOff(
    @CurrentSession() actor: Session,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
    @Body(new ZodValidationPipe(CUT_OFF)) body: z.output<typeof CUT_OFF>,
    @RequestContext() context: ChangeContext,
  ): Promise<CutOffJson> {
    const scope = await this.access.scopeOf(actor, 'end');
    const { reason, tags, includeProtected: isAsked, ...asked } = body;
    const includeProtected = await this.access.inclusionOf(actor, 'end', isAsked);
    const note = { reason, by: actor.userId, ...tagged(context, tags) };
    const input = { ...withoutUndefined(asked), ...note, scope, includeProtected };
    const made = await this.admin.cutOff(input);
    const { userId = null, tenantId = null } = made.scope;
    return { userId, tenantId, notBefore: made.notBefore.toISOString(), reason: made.reason };
  }
}
