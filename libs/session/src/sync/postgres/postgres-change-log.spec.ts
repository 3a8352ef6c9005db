import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { QueryRunner } from 'typeorm';
import { sessionDatabase } from '../../../../../test/support/session-database.js';
import type { HintListener } from '../hints.js';
import { PostgresChangeLog } from './postgres-change-log.js';

let db: Awaited<ReturnType<typeof sessionDatabase>>;

beforeAll(async () => {
  db = await sessionDatabase();
});

afterAll(() => db.close());

const connectLog = (listener?: HintListener): Promise<PostgresChangeLog> =>
  PostgresChangeLog.connect({ connectionString: db.database.url }, listener);

async function write(
  runner: { query(sql: string, parameters: unknown[]): Promise<unknown> },
  count = 1,
): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID());
  await runner.query(
    `INSERT INTO identity_session_event (at, type, session_id, version, tenant_id)
     SELECT clock_timestamp(), 'revoked', id, 2, '' FROM unnest($1::uuid[]) AS id`,
    [ids],
  );
  return ids;
}

/** A transaction that stays open until it is told to end. */
async function openTransaction(): Promise<QueryRunner> {
  const runner = db.dataSource.createQueryRunner();
  await runner.startTransaction('READ COMMITTED');
  return runner;
}

describe('the change log of PostgreSQL', () => {
  it('gives what became visible since a position, and nothing from before it', async () => {
    const log = await connectLog();
    await write(db.dataSource);
    const { position } = await log.open();
    const ids = await write(db.dataSource, 3);
    const read = await log.readSince(position);
    expect(read.changes.map((change) => change.sessionId)).toEqual(ids);
    expect(read.changes[0]).toEqual({
      type: 'revoked',
      sessionId: ids[0],
      version: 2,
      userId: null,
      tenantId: null,
      reason: null,
      actor: null,
      at: expect.any(Number),
    });
    expect((await log.readSince(read.position)).changes).toEqual([]);
    await log.close();
  });

  it('gives a row that commits after later ones, when it commits', async () => {
    const log = await connectLog();
    const { position } = await log.open();
    const slow = await openTransaction();
    const [late] = await write(slow);
    const [early] = await write(db.dataSource);
    const first = await log.readSince(position);
    expect(first.changes.map((change) => change.sessionId)).toEqual([early]);
    await slow.commitTransaction();
    const second = await log.readSince(first.position);
    expect(second.changes.map((change) => change.sessionId)).toEqual([late]);
    await slow.release();
    await log.close();
  });

  it('gives the changes of a session in the order of its versions, whichever transaction began first', async () => {
    const log = await connectLog();
    const { position } = await log.open();
    const early = await openTransaction();
    await early.query('SELECT pg_current_xact_id()');
    const [id] = await write(db.dataSource);
    await early.query(
      `INSERT INTO identity_session_event (at, type, session_id, version, tenant_id, user_id, reason, actor)
       VALUES (clock_timestamp(), 'renamed', $1, 3, 'acme', 'anna', 'because', 'root')`,
      [id],
    );
    await early.commitTransaction();
    const { changes, now } = await log.readSince(position);
    expect(changes.map(({ version }) => version)).toEqual([2, 3]);
    expect(changes[1]).toMatchObject({ tenantId: 'acme', userId: 'anna', reason: 'because', actor: 'root' });
    expect(Math.abs(now - changes[1]!.at)).toBeLessThan(60_000);
    await early.release();
    await log.close();
  });

  it('gives a row of a transaction that was open when the position was taken', async () => {
    const slow = await openTransaction();
    const [id] = await write(slow);
    const log = await connectLog();
    const { position } = await log.open();
    await slow.commitTransaction();
    expect((await log.readSince(position)).changes.map((change) => change.sessionId)).toEqual([id]);
    await slow.release();
    await log.close();
  });

  it('gives each commit of many writers exactly once, and nothing of those who roll back', async () => {
    const log = await connectLog();
    let { position } = await log.open();
    const committed = new Set<string>();
    const seen: string[] = [];
    const writing = { isOver: false };
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      for (let round = 0; round < 25; round += 1) {
        const runner = await openTransaction();
        const ids = await write(runner, 1 + ((writer + round) % 3));
        // Other writers overtake: each keeps its transaction open over a few round trips.
        for (let wait = 0; wait < (writer * 7 + round) % 5; wait += 1) await runner.query('SELECT 1');
        if ((writer + round) % 4 === 0) {
          await runner.rollbackTransaction();
        } else {
          await runner.commitTransaction();
          for (const id of ids) committed.add(id);
        }
        await runner.release();
      }
    });
    const reading = (async () => {
      for (let last = false; ;) {
        const read = await log.readSince(position);
        position = read.position;
        seen.push(...read.changes.map((change) => change.sessionId!));
        if (last) return;
        last = writing.isOver;
      }
    })();
    await Promise.all(writers);
    writing.isOver = true;
    await reading;
    expect(seen).toHaveLength(committed.size);
    expect(new Set(seen)).toEqual(committed);
    await log.close();
  });

  it('gives a bulk in pages, whole and once, although more is written meanwhile', async () => {
    const log = await connectLog();
    const { position } = await log.open();
    const ids = await write(db.dataSource, 12_000);
    const reading = log.readSince(position);
    const [later] = await write(db.dataSource);
    const read = await reading;
    const all = [...read.changes, ...(await log.readSince(read.position)).changes].map((change) => change.sessionId);
    expect(all).toHaveLength(12_001);
    expect(new Set(all)).toEqual(new Set([...ids, later]));
    await log.close();
  });

  it('finds news by the index, whatever has happened since the oldest open transaction began', async () => {
    const pin = await openTransaction();
    await write(pin);
    await write(db.dataSource, 20_000);
    await db.dataSource.query('ANALYZE identity_session_event');
    const log = await connectLog();
    const { position } = await log.open();
    const plan: Record<string, string>[] = await db.dataSource.query(
      `EXPLAIN SELECT id FROM identity_session_event e
       WHERE e.xid >= pg_snapshot_xmax($1::pg_snapshot) OR e.xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::pg_snapshot)))`,
      [position],
    );
    const text = plan.map((row) => row['QUERY PLAN']).join('\n');
    expect(text).toContain('identity_session_event_xid');
    expect(text).not.toContain('Seq Scan');
    await pin.rollbackTransaction();
    await pin.release();
    await log.close();
  });

  it('hears hints where somebody listens, and tells when it begins to', async () => {
    const heard: string[] = [];
    let hear: () => void = () => undefined;
    const hint = new Promise<void>((resolve) => (hear = resolve));
    const log = await connectLog({
      onOpen: () => heard.push('open'),
      onMessage: (text) => {
        heard.push(text);
        hear();
      },
    });
    await db.dataSource.query(`SELECT pg_notify('identity_session', 'x')`);
    await hint;
    expect(heard).toEqual(['open', 'x']);
    await log.close();
  });

  it('fails, and does not end the process, when its connection is cut', async () => {
    const log = await connectLog();
    const { position } = await log.open();
    await db.dataSource.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'identity-session tail'`,
    );
    await expect(log.readSince(position)).rejects.toThrow();
    await log.close();
  });
});
