import { DataSource, type DataSourceOptions } from 'typeorm';
import { OWN_MIGRATIONS } from './migrations/index.js';
import { runAlone } from './run-alone.js';

/** Any number that nothing else in the database is likely to lock. */
const MIGRATION_LOCK = 7306915824173360141n;

/** The migrations that have run; apart from the application's own. */
export const MIGRATIONS_TABLE = 'identity_session_migration';

export interface MigrateOptions {
  /** PostgreSQL itself, where the DataSource's connections come from a transaction pooler; as the module's `directUrl`. */
  readonly directUrl?: string | undefined;
}

/**
 * Brings the module's tables up to date, while nodes of the version before go on: no request waits longer than a moment.
 * Nodes that start at the same moment wait for each other and run each migration once; what a node that died has left
 * unfinished, the next one completes. Takes as long as the building of indexes takes, and as the transactions that were
 * open when that began. Uses two connections of its own; the application's migrations are not touched.
 */
export async function migrateIdentitySession(dataSource: DataSource, options: MigrateOptions = {}): Promise<void> {
  const own = new DataSource({
    ...connectionOptions(dataSource.options, options.directUrl),
    entities: [],
    subscribers: [],
    migrations: OWN_MIGRATIONS,
    migrationsTableName: MIGRATIONS_TABLE,
    migrationsRun: false,
    synchronize: false,
    dropSchema: false,
  });
  await own.initialize();
  try {
    await runAlone(own, MIGRATION_LOCK, () => own.runMigrations({ transaction: 'each' }));
  } finally {
    await own.destroy();
  }
}

/** The application's way to the database, without its limits of time: those are for what somebody waits for. */
function connectionOptions(options: DataSourceOptions, directUrl: string | undefined): DataSourceOptions {
  const {
    Client: _client,
    statement_timeout: _statement,
    query_timeout: _query,
    lock_timeout: _lock,
    idle_in_transaction_session_timeout: _idle,
    ...extra
  } = (options.extra ?? {}) as Record<string, unknown>;
  const direct = directUrl === undefined ? {} : { url: directUrl, replication: undefined };
  return { ...options, ...direct, extra: { keepAlive: true, ...extra, max: 2 } } as DataSourceOptions;
}
