import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { IdentitySessionError } from 'nestjs-identity-session';
import type { DataSource, EntityManager } from 'typeorm';
import { isUniqueViolation, onDatabase } from '../database/database-errors.js';
import { inTransaction } from '../database/in-transaction.js';
import type { AccountRole } from './account-role.js';
import { isAccountId } from './account-id.js';
import { AccountEntity } from './account.entity.js';
import { emailKeyOf } from './email.js';
import { PasswordHasher } from './password-hasher.js';

export interface NewAccount {
  readonly email: string;
  readonly password: string;
  readonly role: AccountRole;
  readonly tenantId: string | null;
}

/** Keeps accounts. Errors of the database are `SESSION_STORE_UNAVAILABLE`. */
@Injectable()
export class AccountsService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly hasher: PasswordHasher,
  ) {}

  /** @throws IdentitySessionError `VALIDATION_FAILED` where the email address has an account */
  async create({ email, password, role, tenantId }: NewAccount): Promise<AccountEntity> {
    const passwordHash = await this.hasher.hash(password);
    const accounts = this.dataSource.getRepository(AccountEntity);
    const account = accounts.create({ email, emailKey: emailKeyOf(email), passwordHash, role, tenantId });
    try {
      return await onDatabase(() => accounts.save(account));
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new IdentitySessionError('VALIDATION_FAILED', 'This email address has an account already.', {
        errors: [{ field: 'email', message: 'is taken' }],
      });
    }
  }

  findByEmail(email: string): Promise<AccountEntity | null> {
    const emailKey = emailKeyOf(email);
    return onDatabase(() => this.dataSource.getRepository(AccountEntity).findOneBy({ emailKey }));
  }

  /** `null` where there is none, or where it is disabled. */
  async findEnabled(id: string): Promise<AccountEntity | null> {
    if (!isAccountId(id)) return null;
    const account = await onDatabase(() => this.dataSource.getRepository(AccountEntity).findOneBy({ id }));
    return account?.disabledAt === null ? account : null;
  }

  /**
   * Does `work` in a transaction that holds the account as it was read: its password unchanged and not disabled, and so
   * until the commit. `undefined` where that is no longer so; then nothing is done. Changes of an account take the
   * stronger lock before they end its sessions, so that no sign-in with an old password can slip past them.
   */
  whileUnchanged<T>(account: AccountEntity, work: (manager: EntityManager) => Promise<T>): Promise<T | undefined> {
    return inTransaction(this.dataSource, async (manager) => {
      const now = await lockAccount(manager, account.id, 'pessimistic_read');
      return isAsRead(now, account) ? work(manager) : undefined;
    });
  }

  /** Sets another password and does `work` in the same transaction; `undefined` as in {@link whileUnchanged}. */
  async changePassword<T>(
    account: AccountEntity,
    password: string,
    work: (manager: EntityManager) => Promise<T>,
  ): Promise<T | undefined> {
    const passwordHash = await this.hasher.hash(password);
    return inTransaction(this.dataSource, async (manager) => {
      const now = await lockAccount(manager, account.id, 'pessimistic_write');
      if (!isAsRead(now, account)) return undefined;
      await manager.update(AccountEntity, { id: account.id }, { passwordHash });
      return work(manager);
    });
  }
}

function lockAccount(
  manager: EntityManager,
  id: string,
  mode: 'pessimistic_read' | 'pessimistic_write',
): Promise<AccountEntity | null> {
  return manager.findOne(AccountEntity, { where: { id }, lock: { mode } });
}

function isAsRead(now: AccountEntity | null, account: AccountEntity): boolean {
  return now !== null && now.disabledAt === null && now.passwordHash === account.passwordHash;
}
