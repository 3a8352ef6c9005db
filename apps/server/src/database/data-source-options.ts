import type { DataSourceOptions } from 'typeorm';
import { AccountEntity } from '../accounts/account.entity.js';
import { TotpFactorEntity } from '../second-factor/totp-factor.entity.js';
import { DeadlineClient } from './deadline-client.js';
import { SERVER_MIGRATIONS } from './migrations/index.js';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** How PostgreSQL is used while the server serves: nobody waits long, for a connection or for an answer. */
const SERVING = {
  max: 20,
  connectionTimeoutMillis: 3_000,
  statement_timeout: 5_000,
  idle_in_transaction_session_timeout: 15_000,
  keepAlive: true,
  Client: DeadlineClient,
};

/** Migrations may take their time, and need few connections. */
const PREPARING = { max: 2, connectionTimeoutMillis: 5_000 };

/** The DataSource options of the server; the session library keeps its tables and migrations apart. */
export function dataSourceOptions(url: string, use: 'serving' | 'preparing'): PostgresOptions {
  return {
    type: 'postgres',
    url,
    applicationName: 'identity-session-server',
    entities: [AccountEntity, TotpFactorEntity],
    migrations: SERVER_MIGRATIONS,
    migrationsTableName: 'server_migration',
    migrationsRun: false,
    synchronize: false,
    // The server needs none, and nodes that start at once would race for them.
    installExtensions: false,
    extra: use === 'serving' ? SERVING : PREPARING,
  };
}
