import { Body, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { IdentitySessionError } from '../../core/errors.js';
import { isStorableIdentifier } from '../../store/storable-text.js';
import type { SessionScope } from '../../store/session-store.js';
import { type AdministrationAction, type SessionAccessPolicy } from '../admin/session-access-policy.js';
import { SessionAdminService } from '../admin/session-admin.service.js';
import { CurrentSession } from '../guard/route.decorators.js';
import { SESSION_ACCESS_POLICY } from '../module/tokens.js';
import type { Session } from '../session/session.js';
import { type SessionJson, sessionToJson } from '../session/session-json.js';
import { notFound } from '../sign-in/session.service.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { CUT_OFF, END_THEIRS, NOTHING, SEARCH } from './session-queries.js';
import { ZodValidationPipe } from './zod-validation.pipe.js';

const REVOKED = 'revoked_by_administrator';
/** A user's sessions come in one answer. */
const MOST_SESSIONS_OF_A_USER = 1_000;

/** A cut-off that was made; `null` means any. */
interface CutOffJson {
  readonly userId: string | null;
  readonly tenantId: string | null;
  readonly notBefore: string;
  readonly reason: string;
}

/** Behind the guard. What administrators do, within the scope that the application's policy gives them. */
export class AdminSessionsController {
  constructor(
    @Inject(SessionAdminService) private readonly admin: SessionAdminService,
    @Inject(SESSION_ACCESS_POLICY) private readonly access: SessionAccessPolicy,
  ) {}

  @Get('sessions')
  async search(
    @CurrentSession() actor: Session,
    @Query(new ZodValidationPipe(SEARCH)) query: z.output<typeof SEARCH>,
  ): Promise<{ items: SessionJson[]; nextCursor: string | null }> {
    const scope = await this.#scopeOf(actor, 'read');
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
    const session = await this.admin.find(id, await this.#scopeOf(actor, 'read'));
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
    const scope = await this.#scopeOf(actor, 'end');
    const revoked = await this.admin.revoke(id, { reason: query.reason ?? REVOKED, by: actor.userId, scope });
    if (revoked === undefined) throw notFound(id);
  }

  @Get('users/:userId/sessions')
  async ofUser(
    @CurrentSession() actor: Session,
    @Param('userId') userId: string,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
  ): Promise<{ items: SessionJson[] }> {
    const scope = await this.#scopeOf(actor, 'read');
    const page = { limit: MOST_SESSIONS_OF_A_USER, descending: true, after: null };
    const sessions = await this.admin.search({ userId: existing(userId), status: 'live', scope }, page);
    return { items: sessions.map((session) => sessionToJson(session, actor.id)) };
  }

  @Delete('users/:userId/sessions')
  @HttpCode(200)
  async revokeUser(
    @CurrentSession() actor: Session,
    @Param('userId') userId: string,
    @Query(new ZodValidationPipe(END_THEIRS)) query: z.output<typeof END_THEIRS>,
  ): Promise<{ revoked: number }> {
    const scope = await this.#scopeOf(actor, 'end');
    const input = { reason: query.reason ?? REVOKED, by: actor.userId, scope };
    return this.admin.revokeAll({ ...input, filter: { userId: existing(userId) } });
  }

  @Delete('users/:userId/sessions/:id')
  @HttpCode(204)
  async revokeOfUser(
    @CurrentSession() actor: Session,
    @Param('userId') userId: string,
    @Param('id') id: string,
    @Query(new ZodValidationPipe(END_THEIRS)) query: z.output<typeof END_THEIRS>,
  ): Promise<void> {
    const scope = await this.#scopeOf(actor, 'end');
    const owned = await this.admin.find(id, scope);
    if (owned?.userId !== userId) throw notFound(id);
    const revoked = await this.admin.revoke(id, { reason: query.reason ?? REVOKED, by: actor.userId, scope });
    if (revoked === undefined) throw notFound(id);
  }

  @Post('cut-offs')
  @HttpCode(201)
  async cutOff(
    @CurrentSession() actor: Session,
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
    @Body(new ZodValidationPipe(CUT_OFF)) body: z.output<typeof CUT_OFF>,
  ): Promise<CutOffJson> {
    const scope = await this.#scopeOf(actor, 'end');
    const { reason, ...asked } = body;
    const made = await this.admin.cutOff({ ...withoutUndefined(asked), reason, by: actor.userId, scope });
    const { userId = null, tenantId = null } = made.scope;
    return { userId, tenantId, notBefore: made.notBefore.toISOString(), reason: made.reason };
  }

  async #scopeOf(actor: Session, action: AdministrationAction): Promise<SessionScope> {
    const scope = (await this.access.scopeFor(actor, action)) as SessionScope | null | undefined;
    // A policy written in JavaScript may forget to return.
    if (scope === null || scope === undefined)
      throw new IdentitySessionError('FORBIDDEN', 'You may not administrate sessions.');
    return scope;
  }
}

/** No user has an id that cannot be stored. */
function existing(userId: string): string {
  if (!isStorableIdentifier(userId)) throw notFound(userId);
  return userId;
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(value: T): Partial<Defined<T>> {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as Partial<Defined<T>>;
}
