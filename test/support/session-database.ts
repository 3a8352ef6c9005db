import { DataSource } from 'typeorm';
import { migrateIdentitySession } from '../../libs/session/src/store/postgres/migrate.js';
import { createTestDatabase, ensureTemplate, type TestDatabase } from './database.js';

/** A database with the module's tables in it, and a DataSource on it. */
export async function sessionDatabase(
  settings: Readonly<Record<string, string>> = {},
): Promise<{ database: TestDatabase; dataSource: DataSource; close(): Promise<void> }> {
  const template = await ensureTemplate('sessions', async (url) => {
    const dataSource = await connect(url);
    await migrateIdentitySession(dataSource);
    await dataSource.destroy();
  });
  const database = await createTestDatabase({ template, settings });
  const dataSource = await connect(database.url);
  return {
    database,
    dataSource,
    close: async () => {
      if (dataSource.isInitialized) await dataSource.destroy();
      await database.drop();
    },
  };
}

/** A small pool, since many files run at once. */
export function connect(url: string): Promise<DataSource> {
  return new DataSource({ type: 'postgres', url, extra: { max: 8 } }).initialize();
}
