import { randomBytes } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { AdministratorConfig } from '../config/server-config.js';
import { AccountEntity } from './account.entity.js';
import { AccountsService } from './accounts.service.js';
import { emailKeyOf } from './email.js';
import { PasswordHasher } from './password-hasher.js';

const MADE_UP_EMAIL = 'admin@example.com';
const PASSWORD_BYTES = 18;

/** Who administers this installation. */
export interface FirstAdministrator {
  readonly email: string;
  /** Known only to the node that has made the account, and only where it was made up. */
  readonly madeUpPassword: string | null;
  /** False for an account that existed. */
  readonly isNew: boolean;
}

/**
 * Makes the administrator that the configuration names, or, where it names none and there is none, one with a made-up
 * password. An account that exists is left alone. The caller holds the lock that keeps other nodes out.
 */
export async function ensureAdministrator(
  dataSource: DataSource,
  { email, password }: AdministratorConfig,
): Promise<FirstAdministrator> {
  const accounts = dataSource.getRepository(AccountEntity);
  const existing =
    email === null
      ? await accounts.findOne({ where: { role: 'admin' }, order: { createdAt: 'ASC' } })
      : await accounts.findOneBy({ emailKey: emailKeyOf(email) });
  if (existing !== null) return { email: existing.email, madeUpPassword: null, isNew: false };

  const madeUpPassword = password === null ? randomBytes(PASSWORD_BYTES).toString('base64url') : null;
  const account = await new AccountsService(dataSource, new PasswordHasher()).create({
    email: email ?? MADE_UP_EMAIL,
    password: password ?? madeUpPassword ?? '',
    role: 'admin',
    tenantId: null,
  });
  return { email: account.email, madeUpPassword, isNew: true };
}
