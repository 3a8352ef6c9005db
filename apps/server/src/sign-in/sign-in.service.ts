import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import {
  AccountEvents,
  clientAddress,
  IdentitySessionError,
  type AddressedRequest,
  SessionAdminService,
  SessionCookie,
  SessionService,
  sessionToJson,
  type Session,
  type SessionJson,
} from 'nestjs-identity-session';
import type { AccountEntity } from '../accounts/account.entity.js';
import { AccountsService } from '../accounts/accounts.service.js';
import type { ServerConfig } from '../config/server-config.js';
import { SERVER_CONFIG } from '../config/server-config.token.js';
import { badCredentials, CredentialsService } from './credentials.service.js';
import { rateLimitHeaders } from './rate-limit-headers.js';
import type { SignInTarget } from './sign-in-limiter.js';
import type { ChangePasswordBody, SignInBody } from './sign-in.schemas.js';

/** The request to answer and the response to write the cookie to. */
export interface HttpExchange {
  readonly request: AddressedRequest;
  readonly response: object;
}

export interface SignInAnswer {
  readonly session: SessionJson;
  /** Only for whoever does not keep it in a cookie. */
  readonly token?: string;
  /** The sessions that made room. */
  readonly evicted: readonly string[];
}

export type ChangePasswordAnswer = Omit<SignInAnswer, 'evicted'>;

/** Signs in with a password, and changes it. */
@Injectable()
export class SignInService {
  constructor(
    private readonly accounts: AccountsService,
    private readonly credentials: CredentialsService,
    private readonly sessions: SessionService,
    private readonly administration: SessionAdminService,
    private readonly events: AccountEvents,
    private readonly cookie: SessionCookie,
    private readonly adapters: HttpAdapterHost,
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
  ) {}

  /** @throws IdentitySessionError as `CredentialsService.verify` and `SessionService.signIn` do */
  async signIn(body: SignInBody, { request, response }: HttpExchange): Promise<SignInAnswer> {
    const { email, password, transport, deviceType, deviceName, rememberMe } = body;
    const account = await this.credentials.verify(email, password, this.#attempt({ request, response }));
    const { id: userId, tenantId } = account;
    const input = { userId, tenantId, deviceType, deviceName, rememberMe };
    // The token is given to nobody before it is sure that the account has not changed meanwhile.
    const { session, token, evicted } = await this.sessions.signIn(input, { request, transport });
    await this.#confirm(account, session);
    if (transport === 'cookie') {
      this.cookie.write(response, token, { expiresAt: session.expiresAt.getTime(), rememberMe: session.rememberMe });
    }
    return { session: sessionToJson(session, session.id), ...(transport === 'bearer' ? { token } : {}), evicted };
  }

  /** Ends the user's other sessions and rotates this one, in one transaction with the new password. */
  async changePassword(
    session: Session,
    { current, next }: ChangePasswordBody,
    { request, response }: HttpExchange,
  ): Promise<ChangePasswordAnswer> {
    const account = await this.accounts.findEnabled(session.userId);
    if (account === null) throw new IdentitySessionError('SESSION_INVALID', 'The account is gone. Sign in again.');
    const verified = await this.credentials.verify(account.email, current, this.#attempt({ request, response }));
    const changed = await this.accounts.changePassword(verified, next, async (manager) => {
      const { userId, tenantId } = session;
      const exchange = { request, response, manager };
      return this.events.passwordChanged({ userId, tenantId, session, reauthenticated: true, ...exchange });
    });
    const rotated = changed?.rotated ?? badCredentials();
    return {
      session: sessionToJson(rotated.session, rotated.session.id),
      ...(isBearer(request) ? { token: rotated.token } : {}),
    };
  }

  async #confirm(account: AccountEntity, session: Session): Promise<void> {
    const withdraw = () => this.administration.revoke(session.id, { reason: 'account_changed', by: null });
    const isUnchanged = await this.accounts.isUnchanged(account).catch(async (error: unknown) => {
      // If that fails too, the session is one that nobody has the token of.
      await withdraw().catch(() => undefined);
      throw error;
    });
    if (isUnchanged) return;
    await withdraw();
    badCredentials();
  }

  /** Where an attempt comes from, and who is told how many are left. */
  #attempt({ request, response }: HttpExchange): Pick<SignInTarget, 'address' | 'onAllowance'> {
    return {
      address: clientAddress(request, this.config.http.trustProxyHops),
      onAllowance: (allowance) => {
        const { httpAdapter } = this.adapters;
        for (const [name, value] of Object.entries(rateLimitHeaders(allowance))) {
          httpAdapter.setHeader(response, name, value);
        }
      },
    };
  }
}

function isBearer(request: AddressedRequest): boolean {
  return request.headers['authorization'] !== undefined;
}
