import { Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { z } from 'zod';
import type { HistoryPage, SessionHistoryEntry, UserHistoryEntry } from '../../store/session-history.js';
import { SessionAccess } from '../admin/session-access.js';
import { SessionAdminService } from '../admin/session-admin.service.js';
import { CurrentSession } from '../guard/route.decorators.js';
import { appendHeader, setHeader } from '../http/response-headers.js';
import { SessionIds } from '../session/session-ids.js';
import type { Session } from '../session/session.js';
import { notFound } from '../sign-in/not-found.js';
import { existing } from './admin-users.controller.js';
import { decodeHistoryCursor, encodeHistoryCursor } from './cursor.js';
import { historyLine } from './history-text.js';
import { type AcceptingRequest, prefersText } from './prefers-text.js';
import {
  historyToJson,
  type SessionHistoryJson,
  type UserHistoryJson,
  userHistoryToJson,
} from './session-history-json.js';
import { HISTORY } from './session-queries.js';
import { SessionIdPipe } from './session-id.pipe.js';
import { ZodValidationPipe } from './zod-validation.pipe.js';

type HistoryQuery = z.output<typeof HISTORY>;

/** As text the cursor of the next page comes in a header, where there is one. */
export const NEXT_CURSOR_HEADER = 'Next-Cursor';

interface JsonPage<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** Behind the guard. What has happened, to a session or to all of a user, as JSON or as lines of text. */
export class AdminHistoryController {
  constructor(
    @Inject(SessionAdminService) private readonly admin: SessionAdminService,
    @Inject(SessionAccess) private readonly access: SessionAccess,
    @Inject(SessionIds) private readonly ids: SessionIds,
  ) {}

  @Get('sessions/:id/events')
  async ofSession(
    @CurrentSession() actor: Session,
    @Param('id', SessionIdPipe) id: string,
    @Query(new ZodValidationPipe(HISTORY)) query: HistoryQuery,
    @Req() request: AcceptingRequest,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<JsonPage<SessionHistoryJson> | string> {
    const scope = await this.access.scopeOf(actor, 'read');
    const entries = await this.admin.history(id, pageOf(query), scope);
    if (entries === undefined) throw notFound();
    return answer(entries, query, historyToJson, { request, response, ids: this.ids });
  }

  @Get('users/:userId/events')
  async ofUser(
    @CurrentSession() actor: Session,
    @Param('userId') userId: string,
    @Query(new ZodValidationPipe(HISTORY)) query: HistoryQuery,
    @Req() request: AcceptingRequest,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<JsonPage<UserHistoryJson> | string> {
    const scope = await this.access.scopeOf(actor, 'read');
    const entries = await this.admin.userHistory(existing(userId), pageOf(query), scope);
    return answer(entries, query, userHistoryToJson, { request, response, ids: this.ids });
  }
}

function pageOf({ limit, cursor }: HistoryQuery): HistoryPage {
  return { limit: limit + 1, after: decodeHistoryCursor(cursor) };
}

function answer<TEntry extends SessionHistoryEntry | UserHistoryEntry, TJson>(
  entries: readonly TEntry[],
  { limit }: HistoryQuery,
  toJson: (entry: TEntry, ids: SessionIds) => TJson,
  {
    request,
    response,
    ids,
  }: { readonly request: AcceptingRequest; readonly response: unknown; readonly ids: SessionIds },
): JsonPage<TJson> | string {
  const shown = entries.slice(0, limit);
  const last = shown.at(-1)?.id ?? null;
  const nextCursor = entries.length > limit && last !== null ? encodeHistoryCursor(last) : null;
  appendHeader(response, 'Vary', 'Accept');
  if (!prefersText(request)) return { items: shown.map((entry) => toJson(entry, ids)), nextCursor };
  setHeader(response, 'Content-Type', 'text/plain; charset=utf-8');
  setHeader(response, 'X-Content-Type-Options', 'nosniff');
  if (nextCursor !== null) setHeader(response, NEXT_CURSOR_HEADER, nextCursor);
  return shown.map((entry) => historyLine(entry, ids)).join('');
}
