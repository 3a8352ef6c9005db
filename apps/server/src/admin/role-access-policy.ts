import { Injectable } from '@nestjs/common';
import type { Session, SessionAccessPolicy, SettingsAccessPolicy, SettingsScope } from 'nestjs-identity-session';
import { AccountsService } from '../accounts/accounts.service.js';

/** Whose sessions and settings an administrator sees and changes, by the role that the account has now. */
@Injectable()
export class RoleAccessPolicy implements SessionAccessPolicy, SettingsAccessPolicy {
  constructor(private readonly accounts: AccountsService) {}

  scopeFor(actor: Session): Promise<SettingsScope | null> {
    return this.#administratedBy(actor);
  }

  settingsScopeFor(actor: Session): Promise<SettingsScope | null> {
    return this.#administratedBy(actor);
  }

  async #administratedBy(actor: Session): Promise<SettingsScope | null> {
    const account = await this.accounts.findEnabled(actor.userId);
    if (account?.role === 'admin') return { kind: 'all' };
    if (account?.role === 'tenant-admin' && account.tenantId !== null) {
      return { kind: 'tenant', tenantId: account.tenantId };
    }
    return null;
  }
}
