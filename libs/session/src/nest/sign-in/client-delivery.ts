import { Inject, Injectable } from '@nestjs/common';
import type { SessionRecord } from '../../core/session.js';
import { clearSiteData, noStore, SessionCookie } from '../cookie/session-cookie.js';
import type { Credential } from '../credential/credential.js';
import { deliverToken, SESSION_TOKEN_HEADER } from '../credential/deliver-token.js';
import { RequestCredentials } from '../credential/request-credentials.js';
import type { SessionCarrier } from '../guard/carrier.js';
import { removeHeader } from '../http/response-headers.js';
import type { SessionExchange } from './sign-in.js';

/** What goes back to the client with an answer: a token, or that it is to forget one. */
@Injectable()
export class ClientDelivery {
  constructor(
    @Inject(RequestCredentials) private readonly credentials: RequestCredentials,
    @Inject(SessionCookie) private readonly cookie: SessionCookie,
  ) {}

  /** Has the client forget the credential and what it holds of the user. */
  forget({ response }: SessionExchange, credential: Credential): void {
    if (response === undefined) return;
    if (credential.kind === 'cookie') this.cookie.clear(response);
    else if (credential.kind === 'bearer') removeHeader(response, SESSION_TOKEN_HEADER);
    clearSiteData(response);
    noStore(response);
  }

  /** A rotated token goes back the way the old one came; a new one as the caller says. */
  deliver(exchange: SessionExchange, token: string, session: SessionRecord, isRotation: boolean): void {
    const { request, response } = exchange;
    if (response === undefined) return;
    const came = isRotation && request !== undefined ? this.credentials.of(request as SessionCarrier)?.kind : undefined;
    const transport = exchange.transport ?? came ?? 'cookie';
    if (isRotation || transport === 'cookie') deliverToken(response, this.cookie, transport, token, session);
    else noStore(response);
  }
}
