import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../../../../../test/support/database.js';
import { admissionOf } from '../../testing/session-builder.js';
import { IDENTITY_SESSION_ENTITIES } from './entities/index.js';
import { IdentitySessionEntity } from './entities/identity-session.entity.js';
import { migrateIdentitySession } from './migrate.js';
import { IDENTITY_SESSION_MIGRATIONS } from './migrations/index.js';
import { PostgresSessionStore } from './postgres-session-store.js';

let database: TestDatabase;
const nodes: DataSource[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  for (let node = 0; node < 4; node += 1) {
    nodes.push(
      await new DataSource({
        type: 'postgres',
        url: database.url,
        entities: IDENTITY_SESSION_ENTITIES,
        extra: { max: 2 },
      }).initialize(),
    );
  }
});

afterAll(async () => {
  for (const node of nodes) await node.destroy();
  await database.drop();
});

describe('the schema', () => {
  it('is made once by nodes that migrate at the same moment', async () => {
    await Promise.all(nodes.map((node) => migrateIdentitySession(node)));
    const runs: unknown[] = await nodes[0]!.query('SELECT name FROM identity_session_migration');
    expect(runs).toHaveLength(IDENTITY_SESSION_MIGRATIONS.length);
    await migrateIdentitySession(nodes[0]!);
  });

  it('has exactly the columns and indexes of the entities', async () => {
    for (const entity of nodes[0]!.entityMetadatas) {
      const columns: { name: string; nullable: boolean }[] = await nodes[0]!.query(
        `SELECT column_name AS name, is_nullable = 'YES' AS nullable FROM information_schema.columns
         WHERE table_name = $1`,
        [entity.tableName],
      );
      const declared = entity.columns.map(({ databaseName: name, isNullable: nullable }) => ({ name, nullable }));
      const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
      expect(columns.sort(byName)).toEqual(declared.sort(byName));
      const indexes: { indexname: string }[] = await nodes[0]!.query(
        `SELECT indexname FROM pg_indexes WHERE tablename = $1 AND indexname NOT LIKE '%pkey'`,
        [entity.tableName],
      );
      expect(indexes.map((index) => index.indexname).sort()).toEqual(entity.indices.map((index) => index.name).sort());
    }
  });

  it('lets the application read sessions through its own repository', async () => {
    const admission = admissionOf({ facts: { userId: 'alice', tenantId: 'acme' } });
    await PostgresSessionStore.on(nodes[0]!).admit(admission);
    const row = await nodes[0]!.getRepository(IdentitySessionEntity).findOneByOrFail({ id: admission.id });
    expect(row).toMatchObject({ userId: 'alice', tenantId: 'acme', status: 'active', version: 1 });
    expect(row.tokenDigest).toBeUndefined();
  });

  it('keeps a touch out of every index: touches are HOT updates', async () => {
    const store = PostgresSessionStore.on(nodes[0]!);
    const ids: string[] = [];
    for (let n = 0; n < 50; n += 1) {
      const admission = admissionOf();
      await store.admit(admission);
      ids.push(admission.id);
    }
    await nodes[0]!.query('VACUUM identity_session');
    const before = await updates();
    for (let round = 1; round <= 20; round += 1) {
      const now = await store.now();
      // A new address each time: that is written down elsewhere.
      await store.touchMany(ids.map((id) => ({ id, at: now, ip: `192.0.2.${round}` })));
      await oldVersionsCanGo();
    }
    const after = await updates();
    const hot = (after.hot - before.hot) / (after.all - before.all);
    expect(after.all - before.all).toBe(1_000);
    expect(hot).toBeGreaterThanOrEqual(0.95);
  });

  it('skips a row that somebody holds, says so, and writes the others', async () => {
    const store = PostgresSessionStore.on(nodes[0]!);
    const [held, free] = [admissionOf(), admissionOf()];
    await store.admit(held);
    await store.admit(free);
    await nodes[1]!.transaction(async (manager) => {
      await manager.query('SELECT 1 FROM identity_session WHERE id = $1 FOR UPDATE', [held.id]);
      const now = await store.now();
      const touches = [held, free].map(({ id }) => ({ id, at: now, ip: '192.0.2.7' }));
      expect(await store.touchMany(touches)).toEqual({ skipped: [held.id] });
    });
    const { records } = await store.findMany([held.id, free.id]);
    expect(new Map(records.map((record) => [record.id, record.lastIp]))).toEqual(
      new Map([
        [held.id, held.ip],
        [free.id, '192.0.2.7'],
      ]),
    );
  });
});

/**
 * Waits until nothing holds on to the versions that were replaced so far: a transaction that writes in any database of
 * the server does, other suites' among them, and so does a snapshot in this one, such as that of an automatic ANALYZE.
 */
async function oldVersionsCanGo(): Promise<void> {
  const [{ next } = { next: '0' }]: { next: string }[] = await nodes[0]!.query(
    'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next',
  );
  for (;;) {
    const [row]: { free: boolean }[] = await nodes[0]!.query(
      `SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8 AND NOT EXISTS (
         SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
           AND backend_xmin IS NOT NULL) AS free`,
      [next],
    );
    if (row?.free === true) return;
  }
}

/** Row updates so far, and how many of them were HOT; the connections report within the transaction here. */
async function updates(): Promise<{ all: number; hot: number }> {
  await nodes[0]!.query('SELECT pg_stat_force_next_flush()');
  const rows: { all: string; hot: string }[] = await nodes[0]!.query(
    `SELECT n_tup_upd AS all, n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE relname = 'identity_session'`,
  );
  return { all: Number(rows[0]?.all), hot: Number(rows[0]?.hot) };
}
