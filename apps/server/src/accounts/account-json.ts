import type { AccountRole } from './account-role.js';
import type { AccountEntity } from './account.entity.js';

/** An account as administrators see it. */
export interface AccountJson {
  readonly userId: string;
  readonly email: string;
  readonly role: AccountRole;
  readonly tenantId: string | null;
  readonly disabled: boolean;
  readonly createdAt: string;
}

export function accountToJson(account: AccountEntity): AccountJson {
  return {
    userId: account.id,
    email: account.email,
    role: account.role,
    tenantId: account.tenantId,
    disabled: account.disabledAt !== null,
    createdAt: account.createdAt.toISOString(),
  };
}
