import { Injectable } from '@nestjs/common';
import { IdentitySessionError } from 'nestjs-identity-session';
import type { AccountEntity } from '../accounts/account.entity.js';
import { AccountsService } from '../accounts/accounts.service.js';
import { emailKeyOf } from '../accounts/email.js';
import { PasswordHasher } from '../accounts/password-hasher.js';
import { SignInLimiter, type SignInTarget } from './sign-in-limiter.js';

/**
 * Checks email addresses and passwords. An unknown address, a wrong password and a disabled account look the same, in
 * the answer and in the time it takes.
 */
@Injectable()
export class CredentialsService {
  constructor(
    private readonly accounts: AccountsService,
    private readonly hasher: PasswordHasher,
    private readonly limiter: SignInLimiter,
  ) {}

  /** @throws IdentitySessionError `BAD_CREDENTIALS` or, after too many of them, `TOO_MANY_REQUESTS` */
  async verify(
    email: string,
    password: string,
    { address, onAllowance }: Omit<SignInTarget, 'emailKey'>,
  ): Promise<AccountEntity> {
    const target: SignInTarget = { emailKey: emailKeyOf(email), address, onAllowance };
    await this.limiter.refuseWhenSpent(target);
    const account = await this.accounts.findByEmail(email);
    const matches = await this.hasher.verify(account?.passwordHash ?? null, password);
    const verified = matches && account?.disabledAt === null ? account : undefined;
    await this.limiter.settle(target, verified === undefined ? 'failed' : 'succeeded');
    return verified ?? badCredentials();
  }
}

/** @throws IdentitySessionError `BAD_CREDENTIALS` */
export function badCredentials(): never {
  throw new IdentitySessionError('BAD_CREDENTIALS', 'The email address or the password is not right.');
}
