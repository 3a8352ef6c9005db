import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { connect, sessionDatabase } from '../../../../../test/support/session-database.js';
import { PostgresChangeLog } from '../../sync/postgres/postgres-change-log.js';
import { admissionOf } from '../../testing/session-builder.js';
import { keepsLog } from '../log-upkeep.js';
import { PostgresSessionStore } from './postgres-session-store.js';

const HOUR_MS = 3_600_000;
/** Further than any server of a test gets. */
const FAR_AHEAD = 10_000_000_000n;

let db: Awaited<ReturnType<typeof sessionDatabase>>;
let other: DataSource;
let stores: PostgresSessionStore[];

beforeAll(async () => {
  db = await sessionDatabase();
  other = await connect(db.database.url);
  stores = [db.dataSource, other].map((dataSource) => PostgresSessionStore.on(dataSource));
});
beforeEach(() => db.dataSource.query('TRUNCATE identity_session_event, identity_session_question'));
afterAll(async () => {
  await other.destroy();
  await db.close();
});

async function writeEvents(count: number, ageMs: number): Promise<void> {
  await db.dataSource.query(
    `INSERT INTO identity_session_event (at, type, session_id, version, tenant_id)
     SELECT clock_timestamp() - $2::bigint * interval '1 millisecond', 'revoked', gen_random_uuid(), 2, ''
     FROM generate_series(1, $1::int)`,
    [count, ageMs],
  );
}

/** As a dump and its restore into a younger server leave them: the ids of the server that they come from. */
async function restoreEvents(count: number, from = FAR_AHEAD): Promise<void> {
  await db.dataSource.query(
    `INSERT INTO identity_session_event (xid, at, type, session_id, version, tenant_id)
     SELECT ($2::bigint + n / 3)::text::xid8, clock_timestamp() - interval '1 hour', 'created', gen_random_uuid(), 1, ''
     FROM generate_series(1, $1::int) AS n`,
    [count, from.toString()],
  );
}

async function countOf(table: string, where = 'true'): Promise<number> {
  const [row]: { n: number }[] = await db.dataSource.query(
    `SELECT count(*)::int AS n FROM identity_session_${table} WHERE ${where}`,
  );
  return row?.n ?? Number.NaN;
}

const ahead = (): Promise<number> => countOf('event', 'xid >= pg_snapshot_xmax(pg_current_snapshot())');

/** Every node works until it finds nothing more to do, or somebody else at it; gives what each has done. */
function workAtOnce(task: (store: PostgresSessionStore) => Promise<number>): Promise<number[]> {
  return Promise.all(
    stores.map(async (store) => {
      let done = 0;
      for (let idle = 0; idle < 5;) {
        const changed = await task(store);
        done += changed;
        idle = changed === 0 ? idle + 1 : 0;
      }
      return done;
    }),
  );
}

describe('the retention of the change log', () => {
  it('removes what is older, the oldest first and no more than was asked for, and keeps the rest', async () => {
    await writeEvents(30, 3 * HOUR_MS);
    await writeEvents(20, 5 * HOUR_MS);
    await writeEvents(7, HOUR_MS);
    expect(await stores[0]!.forgetChanges(2 * HOUR_MS, 20)).toBe(20);
    expect(await countOf('event', `at < clock_timestamp() - interval '4 hours'`)).toBe(0);
    expect(await stores[0]!.forgetChanges(2 * HOUR_MS, 100)).toBe(30);
    expect(await stores[0]!.forgetChanges(2 * HOUR_MS, 100)).toBe(0);
    expect(await countOf('event')).toBe(7);
  });

  it('is done by two nodes at once without one waiting for the other, and each row once', async () => {
    await writeEvents(4_000, 3 * HOUR_MS);
    const done = await workAtOnce((store) => store.forgetChanges(2 * HOUR_MS, 250));
    expect(done[0]! + done[1]!).toBe(4_000);
    expect(await countOf('event')).toBe(0);
  });

  it('leaves a row that somebody holds, and does not wait for it', async () => {
    await writeEvents(3, 3 * HOUR_MS);
    await other.transaction(async (manager) => {
      await manager.query('SELECT 1 FROM identity_session_event ORDER BY id LIMIT 1 FOR UPDATE');
      expect(await stores[0]!.forgetChanges(2 * HOUR_MS, 10)).toBe(2);
    });
    expect(await stores[0]!.forgetChanges(2 * HOUR_MS, 10)).toBe(1);
  });

  it('does nothing while another node is at it', async () => {
    await writeEvents(3, 3 * HOUR_MS);
    await writeEvents(1, 0);
    await other.transaction(async (manager) => {
      // The turn lasts until the end of the transaction that took it.
      const busy = stores[1]!.within(manager);
      if (!keepsLog(busy)) throw new Error('The store keeps no log.');
      expect(await busy.forgetChanges(2 * HOUR_MS, 1)).toBe(1);
      expect(await stores[0]!.forgetChanges(2 * HOUR_MS, 10)).toBe(0);
    });
    expect(await stores[0]!.forgetChanges(2 * HOUR_MS, 10)).toBe(2);
  });

  it('reads no more than it removes, by the index', async () => {
    await writeEvents(20_000, 0);
    await db.dataSource.query('ANALYZE identity_session_event');
    const plan: Record<string, string>[] = await db.dataSource.query(
      `EXPLAIN SELECT e.id FROM identity_session_event e
       WHERE e.at < statement_timestamp() - interval '2 hours' ORDER BY e.at LIMIT 100 FOR UPDATE SKIP LOCKED`,
    );
    expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('identity_session_event_at');
  });

  it('removes questions that can no longer be answered, and no others', async () => {
    const question = (expiry: string) =>
      db.dataSource.query(
        `INSERT INTO identity_session_question VALUES ($1, '', 'alice', clock_timestamp() ${expiry})`,
        [randomBytes(32)],
      );
    await question(`- interval '1 second'`);
    await question(`- interval '1 day'`);
    await question(`+ interval '1 minute'`);
    expect(await stores[0]!.forgetQuestions(1)).toBe(1);
    expect(await stores[0]!.forgetQuestions(10)).toBe(1);
    expect(await countOf('question')).toBe(1);
  });
});

describe('a change log that was restored from a backup of another server', () => {
  it('is settled once by two nodes that start at once', async () => {
    await restoreEvents(3_000);
    await writeEvents(5, 0);
    const done = await workAtOnce((store) => store.settleRestored(400));
    expect(done[0]! + done[1]!).toBe(3_000);
    expect(await ahead()).toBe(0);
    // What this server has written keeps its ids.
    expect(await countOf('event', `xid <> '0'`)).toBe(5);
    expect(await stores[0]!.settleRestored(400)).toBe(0);
  });

  it('is no news, neither before it is settled nor when it is, and every new change is, once', async () => {
    await restoreEvents(12_000);
    const log = await PostgresChangeLog.connect({ connectionString: db.database.url });
    let { position } = await log.open();
    const seen: (string | null)[] = [];
    const read = async () => {
      const found = await log.readSince(position);
      position = found.position;
      seen.push(...found.changes.map((change) => change.sessionId));
    };
    const change = async () => {
      const id = randomUUID();
      await db.dataSource.query(
        `INSERT INTO identity_session_event (at, type, session_id, version, tenant_id)
         VALUES (clock_timestamp(), 'revoked', $1, 2, '')`,
        [id],
      );
      return id;
    };
    const written = [await change()];
    await read();
    while ((await stores[0]!.settleRestored(5_000)) > 0) {
      written.push(await change());
      await read();
    }
    written.push(await change());
    await read();
    await read();
    await log.close();
    expect(seen).toEqual(written);
  });

  it('is no news when the server arrives at the ids that it came with', async () => {
    const [row]: { next: string }[] = await db.dataSource.query(
      'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next',
    );
    // Other suites give out ids too; these are some way off.
    await restoreEvents(300, BigInt(row!.next) + 2_000n);
    expect(await stores[0]!.settleRestored(5_000)).toBe(300);
    const log = await PostgresChangeLog.connect({ connectionString: db.database.url });
    const { position } = await log.open();
    await db.dataSource.query(
      `DO $$ BEGIN FOR n IN 1..2200 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`,
    );
    expect((await log.readSince(position)).changes).toEqual([]);
    await log.close();
  });

  it('is read as fast as any other: by the index, between two bounds', async () => {
    await restoreEvents(20_000);
    await db.dataSource.query('ANALYZE identity_session_event');
    const log = await PostgresChangeLog.connect({ connectionString: db.database.url });
    const { position } = await log.open();
    await log.close();
    const [row]: { rows: number }[] = await db.dataSource.query(
      `SELECT count(*)::int AS rows FROM identity_session_event e
       WHERE e.xid >= pg_snapshot_xmin($1::pg_snapshot) AND e.xid < pg_snapshot_xmax(pg_current_snapshot())`,
      [position],
    );
    const plan: Record<string, string>[] = await db.dataSource.query(
      `EXPLAIN SELECT e.id FROM identity_session_event e
       WHERE e.xid >= pg_snapshot_xmin($1::pg_snapshot) AND e.xid < pg_snapshot_xmax(pg_current_snapshot())
       ORDER BY e.xid, e.id LIMIT 5000`,
      [position],
    );
    expect(row).toEqual({ rows: 0 });
    const text = plan.map((line) => line['QUERY PLAN']).join('\n');
    expect(text).toMatch(/Index Cond: .*xid >= .*xid < /);
  });

  it('does not make a repeated sign-in take the endings of another for its own', async () => {
    const [admission, victim] = [admissionOf(), admissionOf()];
    for (const one of [victim, admission]) await stores[0]!.admit(one);
    await restoreEvents(1);
    // By chance the restored row has the very transaction id of the admission.
    await db.dataSource.query(
      `UPDATE identity_session_event SET type = 'evicted', session_id = $1, operation_id = gen_random_uuid(),
         xid = (SELECT xid FROM identity_session_event WHERE session_id = $2)
       WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())`,
      [victim.id, admission.id],
    );
    expect(await stores[0]!.admit(admission)).toMatchObject({
      kind: 'admitted',
      session: { id: admission.id },
      evicted: [],
      ended: [],
    });
  });
});
