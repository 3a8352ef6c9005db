// Stops the embedded PostgreSQL of the run and removes its directory; leaves nothing on a server of TEST_DATABASE_URL.
import { rm } from 'node:fs/promises';
import pg from 'pg';

export default async function teardown() {
  if (globalThis.testPostgres) {
    const { server, dataDir } = globalThis.testPostgres;
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
    return;
  }
  await dropDatabasesOfThisRun();
}

async function dropDatabasesOfThisRun() {
  const client = new pg.Client({ connectionString: process.env.TEST_ADMIN_DATABASE_URL });
  await client.connect();
  try {
    const { rows } = await client.query('SELECT datname FROM pg_database WHERE starts_with(datname, $1)', [
      `test_${process.env.TEST_RUN_ID}_`,
    ]);
    for (const { datname } of rows) {
      await client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(datname)} WITH (FORCE)`);
    }
  } finally {
    await client.end();
  }
}
