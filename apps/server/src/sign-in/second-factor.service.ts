import { Injectable, NotFoundException } from '@nestjs/common';
import {
  AccountEvents,
  IdentitySessionError,
  meetsAssurance,
  type Session,
  SessionIds,
  type SessionJson,
  sessionToJson,
} from 'nestjs-identity-session';
import { AccountsService } from '../accounts/accounts.service.js';
import { type HttpExchange, isBearer } from '../http/http-exchange.js';
import { TotpFactors } from '../second-factor/totp-factors.service.js';
import type { TotpEnrolment } from '../second-factor/totp.js';
import { badCredentials } from './credentials.service.js';
import { OneTimePasswordsService } from './one-time-passwords.service.js';

export interface FactorAnswer {
  readonly session: SessionJson;
  /** Only for whoever does not keep it in a cookie. */
  readonly token?: string;
}

/** What users do with the second factor of their account. */
@Injectable()
export class SecondFactorService {
  constructor(
    private readonly accounts: AccountsService,
    private readonly factors: TotpFactors,
    private readonly codes: OneTimePasswordsService,
    private readonly events: AccountEvents,
    private readonly ids: SessionIds,
  ) {}

  /** @throws IdentitySessionError as `TotpFactors.begin` does */
  enrol({ userId }: Session): Promise<TotpEnrolment> {
    return this.factors.begin(userId);
  }

  /**
   * Lets the secret count of which a code is known: every sign-in needs one from now on. The user's other sessions end, and
   * this one, in which both factors were proved, goes on at aal2 with a new token; in one transaction.
   * @throws IdentitySessionError as `OneTimePasswordsService.take` does
   */
  async confirm(session: Session, code: string, { request, response }: HttpExchange): Promise<FactorAnswer> {
    const { userId, tenantId } = session;
    const factorId = await this.codes.take(userId, code, { request, response });
    const { rotated } = await this.accounts.change(userId, async (manager, account) => {
      if (!(await this.factors.enable(manager, account, factorId))) badCredentials();
      const exchange = { request, response, manager };
      return this.events.factorChanged({ userId, tenantId, session, assurance: 'aal2', ...exchange });
    });
    if (rotated === null) throw new Error('A changed factor rotates the session.');
    return {
      session: sessionToJson(rotated.session, rotated.session.id, this.ids),
      ...(isBearer(request) ? { token: rotated.token } : {}),
    };
  }

  /**
   * Takes the factor away, by a session that it has proved; the others end. What was not confirmed goes without.
   * @throws IdentitySessionError `ASSURANCE_TOO_LOW`; NotFoundException where there is none
   */
  async remove(session: Session, { request, response }: HttpExchange): Promise<void> {
    const { userId, tenantId } = session;
    await this.accounts.change(userId, async (manager, account) => {
      const counted = account.totpEnabledAt !== null;
      if (counted && !meetsAssurance(session.assurance, 'aal2')) throw tooLow();
      if (!(await this.factors.remove(manager, account))) throw new NotFoundException('There is no second factor.');
      if (!counted) return;
      const exchange = { request, response, manager };
      await this.events.factorChanged({ userId, tenantId, session, assurance: 'aal1', ...exchange });
    });
  }
}

function tooLow(): IdentitySessionError {
  return new IdentitySessionError('ASSURANCE_TOO_LOW', 'Sign in with the second factor before you remove it.');
}
