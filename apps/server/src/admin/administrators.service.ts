import { Injectable } from '@nestjs/common';
import { IdentitySessionError, type Session } from 'nestjs-identity-session';
import type { AccountEntity } from '../accounts/account.entity.js';
import { AccountsService } from '../accounts/accounts.service.js';

/** Knows who administrates, a tenant or everything. Roles are read when asked, since a session may predate a change. */
@Injectable()
export class AdministratorsService {
  constructor(private readonly accounts: AccountsService) {}

  /** @throws IdentitySessionError `FORBIDDEN` for everybody else */
  async actorOf(session: Session): Promise<AccountEntity> {
    const account = await this.accounts.findEnabled(session.userId);
    if (account === null || account.role === 'user') {
      throw new IdentitySessionError('FORBIDDEN', 'This is for administrators.');
    }
    return account;
  }
}
