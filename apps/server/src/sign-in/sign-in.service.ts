import { Injectable } from '@nestjs/common';
import {
  AccountEvents,
  IdentitySessionError,
  missingRequirements,
  SessionAdminService,
  SessionCookie,
  SessionIds,
  SessionService,
  sessionToJson,
  type Session,
  type SessionJson,
} from 'nestjs-identity-session';
import type { AccountEntity } from '../accounts/account.entity.js';
import { AccountsService } from '../accounts/accounts.service.js';
import { type HttpExchange, isBearer } from '../http/http-exchange.js';
import { badCredentials, CredentialsService } from './credentials.service.js';
import { OneTimePasswordsService } from './one-time-passwords.service.js';
import { SignInAttempts } from './sign-in-attempts.js';
import type { ChangePasswordBody, CompleteBody, SignInBody } from './sign-in.schemas.js';

/** What the sign-in of an account with a second factor waits for. */
const TOTP = 'totp';

export interface SignInAnswer {
  readonly session: SessionJson;
  /** Only for whoever does not keep it in a cookie. */
  readonly token?: string;
  /** The sessions that made room. */
  readonly evicted: readonly string[];
  /** Of a sign-in that is not complete: what it still requires. */
  readonly missing?: readonly string[];
}

export type ChangePasswordAnswer = Omit<SignInAnswer, 'evicted' | 'missing'>;

/** Signs in with a password and, where the account has one, a second factor; and changes the password. */
@Injectable()
export class SignInService {
  constructor(
    private readonly accounts: AccountsService,
    private readonly credentials: CredentialsService,
    private readonly sessions: SessionService,
    private readonly administration: SessionAdminService,
    private readonly events: AccountEvents,
    private readonly cookie: SessionCookie,
    private readonly attempts: SignInAttempts,
    private readonly codes: OneTimePasswordsService,
    private readonly ids: SessionIds,
  ) {}

  /** @throws IdentitySessionError as `CredentialsService.verify` and `SessionService.signIn` do */
  async signIn(body: SignInBody, { request, response }: HttpExchange): Promise<SignInAnswer> {
    const { email, password, transport, deviceType, deviceName, rememberMe } = body;
    const account = await this.credentials.verify(email, password, this.attempts.of({ request, response }));
    const { id: userId, tenantId } = account;
    const pending = account.totpEnabledAt === null ? undefined : { requirements: [{ name: TOTP }] };
    const input = { userId, tenantId, deviceType, deviceName, rememberMe, pending };
    // The token is given to nobody before it is sure that the account has not changed meanwhile.
    const { session, token, evicted } = await this.sessions.signIn(input, { request, transport });
    await this.#confirm(account, session);
    if (transport === 'cookie') {
      this.cookie.write(response, token, { expiresAt: session.expiresAt.getTime(), rememberMe: session.rememberMe });
    }
    return {
      session: sessionToJson(session, session.id, this.ids),
      ...(transport === 'bearer' ? { token } : {}),
      evicted: evicted.map((id) => this.ids.encode(id)),
      ...missingOf(session),
    };
  }

  /**
   * Meets what a sign-in still requires. A code counts once, whatever becomes of the sign-in; where the policy has no room
   * then, the same without a code tries again.
   * @throws IdentitySessionError as `OneTimePasswordsService.take` and `SessionService.complete` do
   */
  async complete(session: Session, { code }: CompleteBody, { request, response }: HttpExchange): Promise<SignInAnswer> {
    const needsCode = missingRequirements(session).includes(TOTP);
    if (needsCode) await this.codes.take(session.userId, code ?? codeMissing(), { request, response });
    const met = needsCode ? ({ requirement: TOTP, assurance: 'aal2' } as const) : {};
    const { session: completed, token, evicted } = await this.sessions.complete(session, { ...met, request, response });
    return {
      session: sessionToJson(completed, completed.id, this.ids),
      ...(token !== null && isBearer(request) ? { token } : {}),
      evicted: evicted.map((id) => this.ids.encode(id)),
      ...missingOf(completed),
    };
  }

  /** Ends the user's other sessions and rotates this one, in one transaction with the new password. */
  async changePassword(
    session: Session,
    { current, next }: ChangePasswordBody,
    { request, response }: HttpExchange,
  ): Promise<ChangePasswordAnswer> {
    const account = await this.accounts.findEnabled(session.userId);
    if (account === null) throw new IdentitySessionError('SESSION_INVALID', 'The account is gone. Sign in again.');
    const verified = await this.credentials.verify(account.email, current, this.attempts.of({ request, response }));
    const changed = await this.accounts.changePassword(verified, next, async (manager) => {
      const { userId, tenantId } = session;
      const exchange = { request, response, manager };
      // The password alone proves nobody who has a second factor.
      const reauthenticated = verified.totpEnabledAt === null;
      return this.events.passwordChanged({ userId, tenantId, session, reauthenticated, ...exchange });
    });
    const rotated = changed?.rotated ?? badCredentials();
    return {
      session: sessionToJson(rotated.session, rotated.session.id, this.ids),
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
}

function missingOf(session: Session): Pick<SignInAnswer, 'missing'> {
  return session.status === 'pending' ? { missing: missingRequirements(session) } : {};
}

function codeMissing(): never {
  throw new IdentitySessionError('VALIDATION_FAILED', 'The sign-in waits for a one-time password.', {
    errors: [{ field: 'code', message: 'is missing' }],
  });
}
