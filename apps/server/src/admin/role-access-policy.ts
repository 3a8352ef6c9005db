import { Injectable } from '@nestjs/common';
import type { Session, SessionAccessPolicy, SessionScope } from 'nestjs-identity-session';
import { AccountsService } from '../accounts/accounts.service.js';

/** Whose sessions an administrator sees and ends, by the role that the account has now. */
@Injectable()
export class RoleAccessPolicy implements SessionAccessPolicy {
  constructor(private readonly accounts: AccountsService) {}

  async scopeFor(actor: Session): Promise<SessionScope | null> {
    const account = await this.accounts.findEnabled(actor.userId);
    if (account?.role === 'admin') return { kind: 'all' };
    if (account?.role === 'tenant-admin' && account.tenantId !== null) {
      return { kind: 'tenant', tenantId: account.tenantId };
    }
    return null;
  }
}
