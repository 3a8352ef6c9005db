import { Body, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import type { z } from 'zod';
import { RequestCredentials } from '../credential/request-credentials.js';
import { AllowAnonymous } from '../guard/route.decorators.js';
import type { SessionCarrier } from '../guard/carrier.js';
import { SessionIds } from '../session/session-ids.js';
import { type SessionJson, sessionToJson } from '../session/session-json.js';
import { SessionService } from '../sign-in/session.service.js';
import { NamedSessionsPipe } from './session-id.pipe.js';
import { NOTHING, RESTORE } from './session-queries.js';
import { ZodValidationPipe } from './zod-validation.pipe.js';

/** A restored session, in an answer. */
export interface RestoredJson {
  readonly session: SessionJson;
  /** For a client that presents tokens by itself; browsers have a cookie. */
  readonly token?: string;
  readonly evicted: readonly string[];
}

/** Where the token of a session that has ended is all that is presented: no guard admits it. */
export class RestoreController {
  constructor(
    @Inject(SessionService) private readonly sessions: SessionService,
    @Inject(RequestCredentials) private readonly credentials: RequestCredentials,
    @Inject(SessionIds) private readonly ids: SessionIds,
  ) {}

  @AllowAnonymous()
  @Post('restore')
  @HttpCode(200)
  async restore(
    @Query(new ZodValidationPipe(NOTHING)) _query: unknown,
    @Body(new ZodValidationPipe(RESTORE), NamedSessionsPipe) { answer }: z.output<typeof RESTORE>,
    @Req() request: unknown,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<RestoredJson> {
    const given = answer && { ticket: answer.ticket, ...(answer.end === undefined ? {} : { end: answer.end }) };
    const { session, token, evicted } = await this.sessions.restore({ request, response, answer: given });
    const isBearer = this.credentials.of(request as SessionCarrier)?.kind === 'bearer';
    return {
      session: sessionToJson(session, session.id, this.ids),
      ...(isBearer ? { token } : {}),
      evicted: evicted.map((id) => this.ids.encode(id)),
    };
  }
}
