import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IdentitySessionError } from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../../../../../test/support/app.js';
import { InMemorySessionStore } from '../../store/memory/in-memory-session-store.js';
import { resolveOptions } from '../options/resolve-options.js';
import { LogUpkeep } from './log-upkeep.js';
import { eventually } from '../../../../../test/security/support/time.js';

const HOUR_MS = 3_600_000;

describe('the upkeep of the change log', () => {
  let home: TestApp;

  beforeEach(async () => {
    home = await startTestApp({ options: { logRetentionMs: 2 * HOUR_MS } });
  });
  afterEach(() => home.close());

  const writeEvents = (count: number, ageMs: number, xid = 'pg_current_xact_id()') =>
    home.db.dataSource.query(
      `INSERT INTO identity_session_event (xid, at, type, session_id, version, tenant_id)
       SELECT ${xid}, clock_timestamp() - $2::bigint * interval '1 millisecond', 'revoked', gen_random_uuid(), 2, ''
       FROM generate_series(1, $1::int)`,
      [count, ageMs],
    );
  const count = async (where = 'true'): Promise<number> => {
    const [row] = await home.db.dataSource.query<{ n: number }[]>(
      `SELECT count(*)::int AS n FROM identity_session_event WHERE ${where}`,
    );
    return row!.n;
  };

  it('removes what is older than the retention and keeps the rest, with two nodes at it', async () => {
    const other = await startTestApp({ joins: home, options: { logRetentionMs: 2 * HOUR_MS } });
    try {
      await writeEvents(9_000, 3 * HOUR_MS);
      await writeEvents(11, HOUR_MS);
      const runs = [home, other].map((node) => node.app.get(LogUpkeep, { strict: false }).run());
      const [a, b] = await Promise.all(runs);
      // Whoever finds the other at it leaves it the rest.
      expect(a!.changes + b!.changes).toBe(9_000);
      expect(await count()).toBe(11);
    } finally {
      await other.close();
    }
  });

  it('settles a restored log when a node starts', async () => {
    await writeEvents(5_000, 0, `'10000000000'`);
    const nodes = await Promise.all([1, 2].map(() => startTestApp({ joins: home })));
    try {
      await eventually(async () => (await count('xid >= pg_snapshot_xmax(pg_current_snapshot())')) === 0);
    } finally {
      for (const node of nodes) await node.close();
    }
  });

  it('begins nothing more once the application closes', async () => {
    await writeEvents(10, 3 * HOUR_MS);
    const upkeep = home.app.get(LogUpkeep, { strict: false });
    upkeep.stop();
    expect(await upkeep.run()).toEqual({ changes: 0, questions: 0 });
    expect(await count()).toBe(10);
  });

  it('has nothing to do for a store without a change log in PostgreSQL', async () => {
    const store = new InMemorySessionStore();
    const upkeep = new LogUpkeep(resolveOptions({ store }), store);
    expect(await upkeep.run()).toEqual({ changes: 0, questions: 0 });
  });

  it('keeps no less than nodes may still have to read', () => {
    expect(resolveOptions({}).logRetentionMs).toBe(90 * 24 * HOUR_MS);
    expect(() => resolveOptions({ logRetentionMs: HOUR_MS })).toThrow(IdentitySessionError);
    expect(() => resolveOptions({ logRetentionMs: HOUR_MS })).toThrow(/logRetentionMs: must be at least 7200000/);
  });
});
