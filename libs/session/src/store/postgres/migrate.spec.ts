import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { createTestDatabase, ensureTemplate, type TestDatabase } from '../../../../../test/support/database.js';
import { migrateIdentitySession, MIGRATIONS_TABLE } from './migrate.js';
import { IDENTITY_SESSION_MIGRATIONS } from './migrations/index.js';

/** Before anything was indexed for administrators. */
const BEFORE = IDENTITY_SESSION_MIGRATIONS.slice(0, 3);
/** Sessions that are not indexed plainly any more. */
const LARGE = 20_000;
const NODE = fileURLToPath(new URL('migrate.spec-support.ts', import.meta.url));
const TYPESCRIPT = new URL('../../../../../scripts/typescript.mjs', import.meta.url).href;

/** Sessions as a node of the version before has left them. */
const FILL = `
  INSERT INTO identity_session (id, tenant_id, user_id, client_id, device_type, initial_ip, last_ip, status, scope_keys,
    token_digest, rotation_salt, assurance, remember_me, created_at, authenticated_at, last_accessed_at, idle_timeout_ms,
    expires_at, due_at)
  SELECT gen_random_uuid(), 'acme', 'user-' || n, 'shop', 'web', '192.0.2.1', '192.0.2.1', 'active', '{}',
    '\\x00', '\\x00', 'aal1', false, now(), now(), now(), 86400000, now() + interval '1 day', now() + interval '1 day'
  FROM generate_series(1, $1::int) n`;

let database: TestDatabase | undefined;
const open: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
  await database?.drop();
});

describe('an upgrade of a table that is in use', () => {
  it('lets reads, touches and sign-ins go on while it indexes 100 000 sessions', async () => {
    const url = await databaseWith(100_000);
    let isOver = false;
    const load = [
      'SELECT count(*) FROM (SELECT FROM identity_session WHERE user_id = $1) s',
      'UPDATE identity_session SET last_accessed_at = clock_timestamp() WHERE user_id = $1',
      FILL.replace('$1::int', '1 + 0 * length($1)'),
    ].map(async (statement, user) => {
      const client = await connected(url);
      // Only what waits for locks: this machine may be slow.
      await client.query(`SET lock_timeout = '400ms'`);
      let done = 0;
      for (; !isOver; done += 1) {
        await client.query(statement, [`user-${(3 * done + user) % 1_000}`]);
        await pause(5);
      }
      return done;
    });
    await upgrade(url).finally(() => {
      isOver = true;
    });
    for (const done of await Promise.all(load)) expect(done).toBeGreaterThan(10);
    expect(await indexesOf(url)).toEqual(await freshIndexes());
  });

  it('keeps nobody waiting behind it while a transaction of the application stays open', async () => {
    const url = await databaseWith(LARGE);
    const [application, reader, watcher] = [await connected(url), await connected(url), await connected(url)];
    await application.query('BEGIN; UPDATE identity_session SET device_name = user_id');
    const upgraded = upgrade(url);
    await until(watcher, `SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted`);
    await reader.query(`SET lock_timeout = '1s'`);
    for (let n = 0; n < 3; n += 1) await reader.query('SELECT count(*) FROM identity_session');
    await application.query('COMMIT');
    await upgraded;
  });

  it('takes its time, whatever limits the role has', async () => {
    const url = await databaseWith(LARGE);
    const watcher = await connected(url);
    const release = await holdSnapshot(url);
    const { rows } = await watcher.query<{ name: string }>(
      `SELECT name FROM pg_settings WHERE name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout')`,
    );
    for (const { name } of rows) await limitTo(watcher, name, 400);
    const upgraded = upgrade(url);
    // Longer than the limits.
    await until(
      watcher,
      `SELECT FROM pg_stat_activity WHERE pid IN (SELECT pid FROM pg_stat_progress_create_index)
         AND datname = current_database() AND clock_timestamp() - query_start > interval '900 ms'`,
    );
    await release();
    await upgraded;
    expect(await indexesOf(url)).toEqual(await freshIndexes());
  });

  it('waits for an administrator who works on the table', async () => {
    const url = await databaseWith(0);
    await upgrade(url);
    const [administrator, watcher] = [await connected(url), await connected(url)];
    // As a node leaves it that was killed at the last step of the indexes.
    await watcher.query(`DELETE FROM ${MIGRATIONS_TABLE} WHERE name LIKE 'AddIndexes%'`);
    await watcher.query('DROP STATISTICS identity_session_kinds');
    await administrator.query('BEGIN; LOCK TABLE identity_session IN SHARE UPDATE EXCLUSIVE MODE');
    await limitTo(watcher, 'lock_timeout', 200);
    const upgraded = upgrade(url);
    await until(
      watcher,
      `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
         AND clock_timestamp() - query_start > interval '500 ms'`,
    );
    await administrator.query('COMMIT');
    await upgraded;
  });

  it('is not held up by nodes that wait for their turn', async () => {
    const url = await databaseWith(LARGE);
    const watcher = await connected(url);
    const release = await holdSnapshot(url);
    const nodes = [node(url), node(url)];
    await until(watcher, 'SELECT FROM pg_stat_progress_create_index');
    // One builds, and one has asked for its turn in vain.
    await until(watcher, `SELECT FROM pg_stat_activity WHERE datname = current_database() AND query = 'ROLLBACK'`);
    await release();
    for (const { exited } of nodes) expect(await exited).toBe(0);
    const { rows } = await watcher.query(`SELECT name FROM ${MIGRATIONS_TABLE}`);
    expect(rows).toHaveLength(IDENTITY_SESSION_MIGRATIONS.length);
    expect(await indexesOf(url)).toEqual(await freshIndexes());
  });

  it.each([
    ['waits for what a killed node has begun', false],
    ['builds anew what a killed node has left unfinished', true],
  ])('%s', async (_, isTerminated) => {
    const url = await databaseWith(LARGE);
    const watcher = await connected(url);
    const release = await holdSnapshot(url);
    const killed = node(url);
    await until(watcher, `SELECT FROM pg_index WHERE NOT indisvalid`);
    const begun = await invalidIndex(watcher);
    killed.child.kill('SIGKILL');
    await killed.exited;
    if (isTerminated) {
      await watcher.query('SELECT pg_terminate_backend(pid) FROM pg_stat_progress_create_index');
      await until(watcher, 'SELECT WHERE NOT EXISTS (SELECT FROM pg_stat_progress_create_index)');
    }
    expect(await invalidIndex(watcher)).toBe(begun);
    const upgraded = upgrade(url);
    await release();
    await upgraded;
    expect(await indexesOf(url)).toEqual(await freshIndexes());
    const { rowCount } = await watcher.query('SELECT FROM pg_class WHERE oid = $1', [begun]);
    expect(rowCount).toBe(isTerminated ? 0 : 1);
  });
});

describe('a schema of several on the search path', () => {
  it('gets all its indexes, whatever the next schema has', async () => {
    database = await createTestDatabase();
    const { url } = database;
    await upgrade(url);
    const expected = await indexesOf(url);
    const client = await connected(url);
    await client.query('CREATE SCHEMA other');
    await client.query(`ALTER DATABASE ${database.name} SET search_path TO other, public`);
    await upgrade(url);
    const { rows } = await client.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_indexes WHERE schemaname = 'other' AND tablename <> '${MIGRATIONS_TABLE}'`,
    );
    expect(rows[0]!.n).toBe(expected.length);
  });
});

describe('the migrations among those of an application', () => {
  it.each(['all', 'each', 'none'] as const)('make the same schema with the transaction mode "%s"', async (mode) => {
    database = await createTestDatabase();
    const options = { migrations: IDENTITY_SESSION_MIGRATIONS, migrationsTransactionMode: mode };
    const dataSource = await new DataSource({ type: 'postgres', url: database.url, ...options }).initialize();
    open.push(() => dataSource.destroy());
    await dataSource.runMigrations();
    const made = await indexesOf(database.url);
    const since = IDENTITY_SESSION_MIGRATIONS.findIndex(({ name }) => name.startsWith('AddIndexes'));
    for (let n = IDENTITY_SESSION_MIGRATIONS.length; n > since; n -= 1) await dataSource.undoLastMigration();
    expect(await indexesOf(database.url)).not.toEqual(made);
    await dataSource.runMigrations();
    expect(await indexesOf(database.url)).toEqual(made);
    expect(made).toEqual(await freshIndexes());
  });
});

async function databaseWith(sessions: number): Promise<string> {
  const template = await ensureTemplate(`before_${sessions}`, async (url) => {
    const options = { migrations: BEFORE, migrationsTableName: MIGRATIONS_TABLE };
    const dataSource = await new DataSource({ type: 'postgres', url, ...options }).initialize();
    await dataSource.runMigrations();
    await dataSource.query(FILL, [sessions]);
    await dataSource.destroy();
  });
  database = await createTestDatabase({ template });
  return database.url;
}

async function freshIndexes(): Promise<unknown[]> {
  const fresh = await createTestDatabase();
  open.push(() => fresh.drop());
  await upgrade(fresh.url);
  return indexesOf(fresh.url);
}

async function upgrade(url: string): Promise<void> {
  const dataSource = await new DataSource({ type: 'postgres', url, extra: { statement_timeout: 2_000 } }).initialize();
  try {
    await migrateIdentitySession(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

/** For connections from now on. */
async function limitTo(client: pg.Client, limit: string, ms: number): Promise<void> {
  await client.query(`ALTER DATABASE ${database!.name} SET ${limit} = '${ms}ms'`);
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  open.push(() => client.end());
  return client;
}

/** A transaction that looks at the database as it is now: concurrent builds of indexes wait for its end. */
async function holdSnapshot(url: string): Promise<() => Promise<unknown>> {
  const client = await connected(url);
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
  return () => client.query('COMMIT');
}

function node(url: string): { child: ChildProcess; exited: Promise<number | null> } {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--import', TYPESCRIPT, NODE, url], {
    stdio: 'ignore',
  });
  return { child, exited: new Promise((resolve) => child.once('close', resolve)) };
}

/** Waits until the statement finds something. */
async function until(client: pg.Client, statement: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while ((await client.query(statement)).rowCount === 0) {
    if (Date.now() > deadline) throw new Error(`Nothing was found: ${statement}`);
    await pause(10);
  }
}

async function invalidIndex(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ oid: string }>('SELECT indexrelid AS oid FROM pg_index WHERE NOT indisvalid');
  return rows[0]?.oid;
}

async function indexesOf(url: string): Promise<unknown[]> {
  const client = await connected(url);
  const { rows } = await client.query<object>(
    `SELECT pg_get_indexdef(indexrelid) AS definition, indisvalid FROM pg_index
     WHERE indrelid::regclass::text LIKE 'identity_session%' AND indrelid::regclass::text <> '${MIGRATIONS_TABLE}' ORDER BY 1`,
  );
  return rows;
}
