import { Injectable } from '@nestjs/common';
import { IdentitySessionError } from 'nestjs-identity-session';
import type { HttpExchange } from '../http/http-exchange.js';
import { TotpFactors } from '../second-factor/totp-factors.service.js';
import { SignInAttempts } from './sign-in-attempts.js';
import { SignInLimiter, type SignInTarget } from './sign-in-limiter.js';

/**
 * Takes one-time passwords, each once. Wrong ones are counted by account, from wherever they come and apart from wrong
 * passwords: whoever guesses codes knows the password already.
 */
@Injectable()
export class OneTimePasswordsService {
  constructor(
    private readonly factors: TotpFactors,
    private readonly limiter: SignInLimiter,
    private readonly attempts: SignInAttempts,
  ) {}

  /**
   * @returns the factor that the code is of
   * @throws IdentitySessionError `BAD_CREDENTIALS` for one that is wrong or was used, after too many `TOO_MANY_REQUESTS`
   */
  async take(accountId: string, code: string, exchange: HttpExchange): Promise<string> {
    const target: SignInTarget = { ...this.attempts.of(exchange), emailKey: `totp:${accountId}`, address: null };
    await this.limiter.refuseWhenSpent(target);
    const factorId = await this.factors.take(accountId, code);
    await this.limiter.settle(target, factorId === undefined ? 'failed' : 'succeeded');
    if (factorId !== undefined) return factorId;
    throw new IdentitySessionError(
      'BAD_CREDENTIALS',
      'The code is not right, or was used already. Wait for the next one.',
    );
  }
}
