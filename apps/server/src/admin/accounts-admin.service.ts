import { Injectable, NotFoundException } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { AccountEvents, IdentitySessionError } from 'nestjs-identity-session';
import { In, type DataSource, type EntityManager } from 'typeorm';
import { isAccountId } from '../accounts/account-id.js';
import { AccountEntity } from '../accounts/account.entity.js';
import { AccountsService } from '../accounts/accounts.service.js';
import { inTransaction } from '../database/in-transaction.js';
import { TotpFactors } from '../second-factor/totp-factors.service.js';
import type { ChangeAccountBody, CreateAccountBody } from './accounts-admin.schemas.js';

/**
 * Makes and changes accounts for administrators. A tenant's administrator has power over the plain users of the tenant
 * only; accounts outside are to it as if they did not exist.
 */
@Injectable()
export class AccountsAdminService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly accounts: AccountsService,
    private readonly events: AccountEvents,
    private readonly factors: TotpFactors,
  ) {}

  /** @throws IdentitySessionError `FORBIDDEN`, `VALIDATION_FAILED` */
  async create(actor: AccountEntity, body: CreateAccountBody): Promise<AccountEntity> {
    const tenantId = body.tenantId ?? (actor.role === 'tenant-admin' ? actor.tenantId : null);
    if (actor.role === 'tenant-admin' && (body.role !== 'user' || tenantId !== actor.tenantId)) {
      throw forbidden('An administrator of a tenant makes accounts with the role user in that tenant only.');
    }
    if (body.role === 'tenant-admin' && tenantId === null) throw tenantMissing();
    return this.accounts.create({ ...body, tenantId });
  }

  /**
   * Disables, enables or gives another role, and ends the account's sessions in the same transaction wherever it loses
   * rights that they were made with.
   * @throws IdentitySessionError `FORBIDDEN`, `VALIDATION_FAILED`; NotFoundException
   */
  async change(actorId: string, id: string, change: ChangeAccountBody): Promise<AccountEntity> {
    if (!isAccountId(id)) throw notFound();
    return inTransaction(this.dataSource, async (manager) => {
      const { actor, target } = await lockBoth(manager, actorId, id);
      assertMayChange(actor, target, change);
      const role = change.role ?? target.role;
      if (role === 'tenant-admin' && target.tenantId === null) throw tenantMissing();
      const disables = change.disabled === true && target.disabledAt === null;
      const changesRole = role !== target.role;
      target.role = role;
      if (change.disabled === false) target.disabledAt = null;
      if (disables) target.disabledAt = new Date();
      const changed = await manager.save(target);
      const event = { userId: id, tenantId: target.tenantId, by: actor.id, manager };
      if (disables) await this.events.disabled(event);
      else if (changesRole) await this.events.roleChanged(event);
      return changed;
    });
  }

  /**
   * Takes the second factor from an account, and ends its sessions in the same transaction: whoever has lost the factor
   * signs in anew by the password alone.
   * @throws IdentitySessionError `FORBIDDEN`; NotFoundException where there is no such account, or it has none
   */
  async removeSecondFactor(actorId: string, id: string): Promise<void> {
    if (!isAccountId(id)) throw notFound();
    await inTransaction(this.dataSource, async (manager) => {
      const { actor, target } = await lockBoth(manager, actorId, id);
      assertMayChange(actor, target, {});
      if (target.totpEnabledAt === null) throw new NotFoundException('The account has no second factor.');
      await this.factors.remove(manager, target);
      await this.events.factorChanged({ userId: id, tenantId: target.tenantId, by: actor.id, manager });
    });
  }
}

/** Both in one order, so that two administrators who change each other do not deadlock, and the second is refused. */
async function lockBoth(
  manager: EntityManager,
  actorId: string,
  id: string,
): Promise<{ actor: AccountEntity; target: AccountEntity }> {
  const accounts = await manager.find(AccountEntity, {
    where: { id: In([actorId, id]) },
    order: { id: 'ASC' },
    lock: { mode: 'pessimistic_write' },
  });
  const actor = accounts.find((account) => account.id === actorId);
  const target = accounts.find((account) => account.id === id);
  if (actor?.disabledAt !== null || actor.role === 'user') throw forbidden('This is for administrators.');
  if (target === undefined || !isVisible(actor, target)) throw notFound();
  return { actor, target };
}

function isVisible(actor: AccountEntity, target: AccountEntity): boolean {
  return actor.role === 'admin' || (actor.tenantId !== null && actor.tenantId === target.tenantId);
}

function assertMayChange(actor: AccountEntity, target: AccountEntity, change: ChangeAccountBody): void {
  // Whoever changes accounts stays an administrator, so there is always one.
  if (actor.id === target.id)
    throw forbidden('Nobody disables their own account, changes their own role or takes their own factor here.');
  if (actor.role === 'admin') return;
  if (target.role !== 'user' || (change.role !== undefined && change.role !== 'user')) {
    throw forbidden('An administrator of a tenant changes accounts with the role user only, and not their role.');
  }
}

function notFound(): NotFoundException {
  return new NotFoundException('There is no such account.');
}

function forbidden(message: string): IdentitySessionError {
  return new IdentitySessionError('FORBIDDEN', message);
}

function tenantMissing(): IdentitySessionError {
  return new IdentitySessionError('VALIDATION_FAILED', 'A tenant-admin belongs to a tenant.', {
    errors: [{ field: 'tenantId', message: 'is needed for the role tenant-admin' }],
  });
}
