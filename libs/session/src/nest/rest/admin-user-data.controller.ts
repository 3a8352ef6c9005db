import { Readable } from 'node:stream';
import { Delete, Get, HttpCode, Inject, Param, Query, Req, Res, StreamableFile } from '@nestjs/common';
import type { z } from 'zod';
import type { ChangeContext } from '../../store/change-context.js';
import { cutOffScopeOf } from '../admin/cut-off-scope.js';
import { SessionAccess } from '../admin/session-access.js';
import { SessionAdminService } from '../admin/session-admin.service.js';
import type { EraseResult, UserExportPart } from '../admin/user-records.js';
import { CurrentSession } from '../guard/route.decorators.js';
import { appendHeader, setHeader } from '../http/response-headers.js';
import { SessionIds } from '../session/session-ids.js';
import type { Session } from '../session/session.js';
import { sessionToJson } from '../session/session-json.js';
import { existing } from './admin-users.controller.js';
import { historyLine } from './history-text.js';
import { type AcceptingRequest, prefersText } from './prefers-text.js';
import { RequestContext } from './request-context.js';
import { userHistoryToJson } from './session-history-json.js';
import { ERASE_USER, ERASED, EXPORT_USER } from './session-queries.js';
import { ZodValidationPipe } from './zod-validation.pipe.js';

/** What both frameworks' responses have, Fastify's behind `raw`. */
interface ClosingResponse {
  readonly raw?: ClosingResponse;
  once?(event: 'close', listener: () => void): unknown;
}

type Parts = AsyncGenerator<UserExportPart, void>;

/** Behind the guard. All that is known of a user: to be handed out, and to be erased. */
export class AdminUserDataController {
  constructor(
    @Inject(SessionAdminService) private readonly admin: SessionAdminService,
    @Inject(SessionAccess) private readonly access: SessionAccess,
    @Inject(SessionIds) private readonly ids: SessionIds,
  ) {}

  @Get('users/:userId/export')
  async export(
    @CurrentSession() actor: Session,
    @Param('userId') userId: string,
    @Query(new ZodValidationPipe(EXPORT_USER)) { tenantId }: z.output<typeof EXPORT_USER>,
    @Req() request: AcceptingRequest,
    @Res({ passthrough: true }) response: ClosingResponse,
  ): Promise<StreamableFile> {
    const scope = await this.access.scopeOf(actor, 'read');
    const asked = tenantId === undefined ? { scope } : { scope, tenantId };
    const parts = this.admin.exportUser(existing(userId), asked);
    // While nothing is sent yet, a database that is away can be told of.
    const first = await parts.next();
    const whole = wholeOf(first, parts);
    const isText = prefersText(request);
    const lines = Readable.from(isText ? textOf(whole, this.ids) : jsonOf(userId, actor, whole, this.ids));
    // Whoever goes away has nothing more asked for.
    (response.raw ?? response).once?.('close', () => lines.destroy());
    appendHeader(response, 'Vary', 'Accept');
    setHeader(response, 'X-Content-Type-Options', 'nosniff');
    return new StreamableFile(lines, {
      type: isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8',
      disposition: `attachment; filename="user.${isText ? 'txt' : 'json'}"`,
    });
  }

  @Delete('users/:userId/data')
  @HttpCode(200)
  async erase(
    @CurrentSession() actor: Session,
    @Param('userId') userId: string,
    @Query(new ZodValidationPipe(ERASE_USER)) query: z.output<typeof ERASE_USER>,
    @RequestContext() context: ChangeContext,
  ): Promise<EraseResult> {
    const scope = await this.access.erasureScopeOf(actor);
    const asked = query.tenantId === undefined ? {} : { tenantId: query.tenantId };
    const { tenantId = null } = cutOffScopeOf({ userId: existing(userId), ...asked }, scope);
    const isAsked = query.includeProtected === 'true';
    const includeProtected = await this.access.inclusionOf(actor, 'end', isAsked);
    const reason = query.reason ?? ERASED;
    return this.admin.eraseUser(userId, { tenantId, reason, by: actor.userId, includeProtected, ...context });
  }
}

async function* wholeOf(first: IteratorResult<UserExportPart, void>, rest: Parts): Parts {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}

/** One chunk for each page; the next page is asked for when somebody takes it. The last bracket says that it is complete. */
async function* jsonOf(userId: string, actor: Session, parts: Parts, ids: SessionIds): AsyncGenerator<string, void> {
  yield `{"userId":${JSON.stringify(userId)},"sessions":[`;
  let isHistory = false;
  let separator = '';
  for await (const part of parts) {
    if (part.kind === 'history' && !isHistory) {
      yield '],"events":[';
      isHistory = true;
      separator = '';
    }
    const items =
      part.kind === 'sessions'
        ? part.sessions.map((session) => sessionToJson(session, actor.id, ids))
        : part.entries.map((entry) => userHistoryToJson(entry, ids));
    yield items
      .map((item) => {
        const text = `${separator}\n${JSON.stringify(item)}`;
        separator = ',';
        return text;
      })
      .join('');
  }
  yield isHistory ? '\n]}\n' : '],"events":[]}\n';
}

/** What has happened, line by line. */
async function* textOf(parts: Parts, ids: SessionIds): AsyncGenerator<string, void> {
  for await (const part of parts)
    if (part.kind === 'history') yield part.entries.map((entry) => historyLine(entry, ids)).join('');
}
