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
   * Whether the account is still as it was read: its password and second factor the same, and not disabled. Waits for a change that is
   * under way: a change locks the account first and ends its sessions then, so a session that was made before this
   * asked is either ended by the change or denied here.
   */
  isUnchanged(account: AccountEntity): Promise<boolean> {
    return inTransaction(this.dataSource, async (manager) =>
      isAsRead(await lockAccount(manager, account.id, 'pessimistic_read'), account),
    );
  }

  /**
   * Does `work` on the account while nobody else changes it, in one transaction.
   * @throws IdentitySessionError `SESSION_INVALID` where there is none, or it is disabled
   */
  change<T>(id: string, work: (manager: EntityManager, account: AccountEntity) => Promise<T>): Promise<T> {
    return inTransaction(this.dataSource, async (manager) => {
      const account = await lockAccount(manager, id, 'pessimistic_write');
      if (account?.disabledAt !== null) throw gone();
      return work(manager, account);
    });
  }

  /**
   * Sets another password and does `work` in the same transaction; `undefined`, and nothing is done, where the account
   * is no longer as it was read.
   */
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
  return (
    now !== null &&
    now.disabledAt === null &&
    now.passwordHash === account.passwordHash &&
    now.totpEnabledAt?.getTime() === account.totpEnabledAt?.getTime()
  );
}

function gone(): IdentitySessionError {
  return new IdentitySessionError('SESSION_INVALID', 'The account is gone. Sign in again.');
}
