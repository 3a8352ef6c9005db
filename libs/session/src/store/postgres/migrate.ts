import { DataSource } from 'typeorm';
import { IDENTITY_SESSION_MIGRATIONS } from './migrations/index.js';

/** Any number that nothing else in the database is likely to lock. */
const MIGRATION_LOCK = '7306915824173360141';

/** The migrations that have run; apart from the application's own. */
export const MIGRATIONS_TABLE = 'identity_session_migration';

/**
 * Brings the module's tables up to date. Nodes that start at the same moment wait for each other and run each
 * migration once. Uses two connections of its own for as long as it takes; the application's migrations are not
 * touched.
 */
export async function migrateIdentitySession(dataSource: DataSource): Promise<void> {
  const own = new DataSource({
    ...dataSource.options,
    entities: [],
    subscribers: [],
    migrations: IDENTITY_SESSION_MIGRATIONS,
    migrationsTableName: MIGRATIONS_TABLE,
    migrationsRun: false,
    synchronize: false,
    dropSchema: false,
    extra: { ...(dataSource.options.extra as object | undefined), max: 2 },
  });
  await own.initialize();
  try {
    await migrateAlone(own, MIGRATION_LOCK);
  } finally {
    await own.destroy();
  }
}

/**
 * Runs the migrations of a DataSource while no other node does. The lock belongs to a transaction, since locks of a
 * connection leak through poolers; needs two connections.
 */
export async function migrateAlone(dataSource: DataSource, lock: string): Promise<void> {
  await dataSource.transaction(async (holder) => {
    await holder.query('SELECT pg_advisory_xact_lock($1::bigint)', [lock]);
    await dataSource.runMigrations({ transaction: 'each' });
  });
}
