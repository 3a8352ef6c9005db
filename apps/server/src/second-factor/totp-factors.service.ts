import { Inject, Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { IdentitySessionError } from 'nestjs-identity-session';
import type { DataSource, EntityManager } from 'typeorm';
import type { AccountEntity } from '../accounts/account.entity.js';
import { AccountsService } from '../accounts/accounts.service.js';
import type { ServerConfig } from '../config/server-config.js';
import { SERVER_CONFIG } from '../config/server-config.token.js';
import { inTransaction } from '../database/in-transaction.js';
import { SecretBox } from './secret-box.js';
import { TotpFactorEntity } from './totp-factor.entity.js';
import { enrolmentOf, newTotpSecret, stepOf, type TotpEnrolment } from './totp.js';

interface FactorRow {
  readonly id: string;
  readonly secret: Buffer;
  readonly keyId: string | null;
  /** By the database's clock, in milliseconds. */
  readonly now: number;
}

/** Keeps what one-time passwords are made from. Secrets leave it once, towards whoever enrols. */
@Injectable()
export class TotpFactors {
  readonly #box: SecretBox;
  readonly #logger = new Logger(TotpFactors.name);
  #hasWarned = false;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly accounts: AccountsService,
    @Inject(SERVER_CONFIG) { session }: ServerConfig,
  ) {
    this.#box = new SecretBox(session.tokenKeys);
  }

  /**
   * Makes a secret that counts once a code of it was confirmed, in place of any that was not.
   * @throws IdentitySessionError `VALIDATION_FAILED` where one counts already, `SESSION_INVALID` without the account
   */
  async begin(accountId: string): Promise<TotpEnrolment> {
    this.#warnOnce();
    const plain = newTotpSecret();
    return this.accounts.change(accountId, async (manager, account) => {
      if (account.totpEnabledAt !== null) throw enrolled();
      await manager.delete(TotpFactorEntity, { accountId });
      await manager.insert(TotpFactorEntity, { accountId, ...this.#box.seal(plain, accountId) });
      return enrolmentOf(plain, account.email);
    });
  }

  /**
   * Takes a code, once: that of the same or an earlier time step than one that was taken is refused, on all nodes.
   * @returns the factor that it is of; `undefined` for a code that is wrong or was used
   */
  take(accountId: string, code: string): Promise<string | undefined> {
    return inTransaction(this.dataSource, async (manager) => {
      const [factor] = await manager.query<FactorRow[]>(
        `SELECT id, secret, key_id AS "keyId",
                floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now
           FROM totp_factor
          WHERE account_id = $1`,
        [accountId],
      );
      const step = factor && stepOf(code, this.#box.open(factor, accountId), factor.now);
      if (factor === undefined || step === undefined) return undefined;
      const [, taken] = await manager.query<[unknown, number]>(
        `UPDATE totp_factor SET last_step = $2 WHERE id = $1 AND last_step < $2`,
        [factor.id, step],
      );
      return taken === 1 ? factor.id : undefined;
    });
  }

  /**
   * Lets a factor count from now on, of an account that is locked.
   * @returns `false` where it is gone meanwhile, or counts already
   */
  async enable(manager: EntityManager, account: AccountEntity, factorId: string): Promise<boolean> {
    const isThere = await manager.existsBy(TotpFactorEntity, { id: factorId, accountId: account.id });
    if (!isThere || account.totpEnabledAt !== null) return false;
    account.totpEnabledAt = new Date();
    await manager.save(account);
    return true;
  }

  /** Takes the factor from an account that is locked, whether it counts or not; `false` where there is none. */
  async remove(manager: EntityManager, account: AccountEntity): Promise<boolean> {
    const { affected } = await manager.delete(TotpFactorEntity, { accountId: account.id });
    account.totpEnabledAt = null;
    await manager.save(account);
    return affected === 1;
  }

  #warnOnce(): void {
    if (this.#box.keyId !== null || this.#hasWarned) return;
    this.#hasWarned = true;
    this.#logger.warn('Secrets of second factors are stored as they are: set SESSION_TOKEN_KEYS to have them sealed.');
  }
}

function enrolled(): IdentitySessionError {
  return new IdentitySessionError('VALIDATION_FAILED', 'The account has a second factor already. Remove it first.', {
    errors: [{ field: 'totp', message: 'is there already' }],
  });
}
