import type { Logger } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventDelivery, SessionEvent } from 'nestjs-identity-session';
import { ListenerWorker } from '../../libs/session/src/nest/listeners/listener-worker.js';
import { ensureCursor, type Query } from '../../libs/session/src/sync/postgres/listener-log.js';
import { sessionDatabase } from '../support/session-database.js';

const quiet = { warn: () => undefined, error: () => undefined } as unknown as Logger;
const RULES = { maxAttempts: 3, retryMs: 0, deadlineMs: 5_000, leaseMs: 60_000, behindAfterMs: 3_600_000 };

/** What a worker does with its turns, one by one; several stand for nodes, or for one process after the other. */
describe('the worker of a durable listener', () => {
  let db: Awaited<ReturnType<typeof sessionDatabase>>;
  let names = 0;
  let name: string;
  let told: { readonly n: number | string; readonly delivery: EventDelivery }[] = [];
  let deal: (n: number | string) => unknown;

  beforeAll(async () => {
    db = await sessionDatabase();
  });
  afterAll(() => db.close());
  beforeEach(async () => {
    name = `listener ${(names += 1)}`;
    told = [];
    deal = () => undefined;
    await ensureCursor(query, name, false);
  });

  const query: Query = (sql, parameters) => db.dataSource.query(sql, [...parameters]);
  const numberOf = (event: SessionEvent): number | string =>
    event.type === 'resync' ? 'resync' : Number(event.sessionId?.slice(-12));
  const log = (from: number, count: number) =>
    query(
      `INSERT INTO identity_session_event (at, type, session_id, version, tenant_id)
       SELECT clock_timestamp(), 'revoked', ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 2, ''
       FROM generate_series($1::int, $2::int) n ORDER BY n`,
      [from, from + count - 1],
    );
  const rows = () => query<Record<string, unknown>>('SELECT * FROM identity_session_listener WHERE name = $1', [name]);
  const letters = () =>
    query<Record<string, unknown>>('SELECT * FROM identity_session_dead_letter WHERE listener = $1', [name]);
  const free = () =>
    query(
      "UPDATE identity_session_listener SET leased_until = now() - interval '1 s', retry_at = NULL WHERE name = $1",
      [name],
    );

  /** A process; `dies` has nothing of it reach the database any more, as after kill -9. */
  const start = (rules: Partial<typeof RULES> = {}) => {
    let isDead = false;
    const worker = new ListenerWorker(
      {
        name,
        handle: (event, delivery) => {
          told.push({ n: numberOf(event), delivery });
          return deal(numberOf(event));
        },
      },
      `worker ${Math.random()}`,
      { ...RULES, ...rules },
      (sql, parameters) => (isDead ? Promise.reject(new Error('dead')) : query(sql, parameters)),
      quiet,
    );
    const dies = (): never => {
      isDead = true;
      throw new Error('killed');
    };
    return { worker, dies };
  };
  const tellAll = async (worker: ListenerWorker): Promise<void> => {
    while (await worker.turn());
  };

  it('gives up an event that kills the process each time, and goes on behind it', async () => {
    await log(1, 30);
    let deaths = 0;
    for (; deaths < 20; deaths += 1) {
      const { worker, dies } = start();
      deal = (n) => (n === 7 ? dies() : undefined);
      try {
        await tellAll(worker);
        break;
      } catch {
        await free();
      }
    }
    // Once before anybody suspects it, and then as often as it may be tried.
    expect(deaths).toBe(1 + RULES.maxAttempts);
    expect(told.filter(({ n }) => n === 7).map(({ delivery }) => delivery.attempt)).toEqual([1, 1, 2, 3]);
    expect(await letters()).toMatchObject([{ attempts: 3, error: expect.stringContaining('The process ended') }]);
    expect(told.at(-1)).toMatchObject({ n: 30, delivery: { attempt: 1 } });
    expect(await rows()).toMatchObject([{ attempts: 0, leased_by: null, failing_since: null }]);
  });

  it('blames no event for the death of a process that was at another', async () => {
    await log(100, 30);
    for (const last of [105, 112, 118, 125, 129]) {
      const { worker, dies } = start({ maxAttempts: 2 });
      deal = (n) => (n === last ? dies() : undefined);
      await expect(tellAll(worker)).rejects.toThrow('dead');
      await free();
    }
    deal = () => undefined;
    await tellAll(start({ maxAttempts: 2 }).worker);
    expect(await letters()).toEqual([]);
    expect(new Set(told.map(({ n }) => n)).size).toBe(30);
  });

  it('writes no more for events than every twentieth time where nobody has died', async () => {
    await log(200, 100);
    const statements: string[] = [];
    const worker = new ListenerWorker(
      { name, handle: () => undefined },
      'counted',
      RULES,
      (sql, parameters) => {
        if (sql.includes('UPDATE identity_session_listener')) statements.push(sql);
        return query(sql, parameters);
      },
      quiet,
    );
    const begunAt = performance.now();
    await worker.turn();
    // Nobody is told twice of more than a quarter of a second, so that a slow machine writes more often.
    expect(statements.length).toBeLessThanOrEqual(8 + Math.floor((performance.now() - begunAt) / 250));
  });

  it('remembers over a stop how often an event has failed', async () => {
    await log(300, 1);
    deal = () => Promise.reject(new Error('a bug'));
    await tellAll(start().worker);
    expect(await rows()).toMatchObject([{ attempts: 1 }]);
    await free();
    const { worker } = start();
    worker.stop();
    await worker.turn();
    expect(await rows()).toMatchObject([{ attempts: 1, leased_by: null }]);
    await tellAll(start().worker);
    expect(told.map(({ delivery }) => delivery.attempt)).toEqual([1, 2]);
  });

  it('gives a resync one id, however often it fails', async () => {
    const since = `UPDATE identity_session_listener SET position_at = now() - interval '90 days' WHERE name = $1`;
    await query(since, [name]);
    deal = () => Promise.reject(new Error('a bug'));
    for (let n = 0; n < RULES.maxAttempts; n += 1) {
      await start().worker.turn();
      await free();
    }
    const ids = told.map(({ delivery }) => delivery.id);
    expect(ids).toHaveLength(RULES.maxAttempts);
    expect(new Set(ids).size).toBe(1);
    const [letter] = await letters();
    expect(ids[0]).toBe(`resync-${String(letter?.['event_id'])}`);
  });

  it('begins no event once it has lost the name to another', async () => {
    await log(400, 5);
    deal = async (n) => {
      if (n === 401) await query(`UPDATE identity_session_listener SET leased_by = 'another' WHERE name = $1`, [name]);
      if (n === 401) throw new Error('so that it is put aside');
    };
    await start({ maxAttempts: 1 }).worker.turn();
    expect(told.map(({ n }) => n)).toEqual([400, 401]);
    expect(await letters()).toEqual([]);
  });
});
