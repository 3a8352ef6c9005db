import { startEmbeddedPostgres } from '@identity-session/embedded-postgres';
import type { DatabaseConfig } from '../config/server-config.js';

const DATABASE_NAME = 'identity_session';

/** The database of the server, wherever it comes from. */
export interface OpenDatabase {
  readonly url: string;
  readonly directUrl: string;
  /** For people; without a password. */
  readonly description: string;
  /** Stops what has been started for it. */
  close(): Promise<void>;
}

/**
 * The database that the configuration names, or an embedded PostgreSQL.
 * @throws EmbeddedPostgresError where that cannot be started
 */
export async function openDatabase(config: DatabaseConfig, log: (line: string) => void): Promise<OpenDatabase> {
  const { url, directUrl, dataDir } = config;
  if (url !== null) {
    return { url, directUrl: directUrl ?? url, description: 'DATABASE_URL', close: () => Promise.resolve() };
  }
  const postgres = await startEmbeddedPostgres({ dataDir, database: DATABASE_NAME, log });
  return {
    url: postgres.url,
    directUrl: postgres.url,
    description: `embedded, in ${dataDir}, port ${postgres.port}`,
    close: () => postgres.stop(),
  };
}
