import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { PostgresSessionStore } from '../../libs/session/src/store/postgres/postgres-session-store.js';
import { eventually } from '../security/support/time.js';
import { type ServerProcess, startServer } from '../support/server.js';
import { sessionDatabase } from '../support/session-database.js';

const SESSIONS = 6_000;
const ENDED = `status = 'expired'`;

/** Three servers that clean up all the time, each a process of its own. */
describe('cleanup workers side by side', () => {
  let db: Awaited<ReturnType<typeof sessionDatabase>>;
  let servers: ServerProcess[];

  beforeAll(async () => {
    db = await sessionDatabase();
    servers = await Promise.all(
      [1, 2, 3].map((n) =>
        startServer({
          DATABASE_URL: db.database.url,
          NODE_NAME: `worker-${n}`,
          ADMIN_EMAIL: 'admin@example.com',
          ADMIN_PASSWORD: 'correct horse battery',
          SESSION_CLEANUP_INTERVAL_MS: '20',
          // The test's server may have been started a moment ago, and nothing is on its way.
          SESSION_SYNC_INTERVAL_MS: '100',
          SESSION_IDLE_MARGIN_MS: '0',
          SESSION_IDLE_TIMEOUT_MS: '3600000',
        }),
      ),
    );
  });

  afterAll(async () => {
    for (const server of servers) await server.kill();
    await db.close();
  });

  it('[row 68] end each session once, also when one is killed at it, and never one that was touched meanwhile', async () => {
    const { dataSource } = db;
    const store = PostgresSessionStore.on(dataSource);
    const ids = await seedDue(dataSource);
    const touched = ids.filter((_, index) => index % 3 === 0);
    const touching = (async () => {
      for (let start = 0; start < touched.length; start += 50) {
        const at = Date.now();
        await store.touchMany(touched.slice(start, start + 50).map((id) => ({ id, at, ip: '192.0.2.1' })));
      }
    })();
    await eventually(async () => (await count(dataSource, ENDED)) > SESSIONS / 6);
    await servers[0]!.kill();
    await touching;
    await eventually(
      async () => (await count(dataSource, `status = 'active' AND last_accessed_at < now() - interval '1 hour'`)) === 0,
    );
    expect(await count(dataSource, 'true')).toBe(SESSIONS);
    // Whoever was touched in time lives, and due for another look later.
    expect(await count(dataSource, `${ENDED} AND last_accessed_at > ended_at - interval '1 hour'`)).toBe(0);
    const survivors = await count(dataSource, `status = 'active' AND version = 1 AND ended_at IS NULL`);
    expect(survivors + (await count(dataSource, `${ENDED} AND version = 2 AND due_at IS NULL`))).toBe(SESSIONS);
    expect(survivors).toBeGreaterThan(0);
    await eventually(async () => (await count(dataSource, `status = 'active' AND due_at < now()`)) === 0);
    const wrong: unknown[] = await dataSource.query(
      `SELECT s.id, s.status, count(e.id) AS events FROM identity_session s
       LEFT JOIN identity_session_event e ON e.session_id = s.id AND e.type = 'expired' AND e.version = s.version
       GROUP BY s.id HAVING count(e.id) <> (s.status = 'expired')::int`,
    );
    expect(wrong).toEqual([]);
    const [done]: { ended: string }[] = await dataSource.query('SELECT ended FROM identity_session_cleanup');
    expect(Number(done?.ended)).toBe(SESSIONS - survivors);
  });
});

/** Sessions that nobody has used for two hours, with an idle limit of one; their ids. */
async function seedDue(dataSource: DataSource): Promise<string[]> {
  const rows: { id: string }[] = await dataSource.query(
    `INSERT INTO identity_session (id, user_id, device_type, status, scope_keys, token_digest, rotation_salt, assurance,
       remember_me, created_at, authenticated_at, last_accessed_at, idle_timeout_ms, expires_at, due_at)
     SELECT gen_random_uuid(), 'user-' || n, 'web', 'active', '{}', '\\x00', '\\x00', 'aal1', false, at, at, at, 3600000,
       at + interval '30 days', at + interval '1 hour'
     FROM (SELECT n, now() - interval '2 hours' AS at FROM generate_series(1, $1::int) AS n) AS seeded RETURNING id`,
    [SESSIONS],
  );
  return rows.map(({ id }) => id);
}

async function count(dataSource: DataSource, where: string): Promise<number> {
  const [row]: { n: number }[] = await dataSource.query(
    `SELECT count(*)::int AS n FROM identity_session WHERE ${where}`,
  );
  return row?.n ?? Number.NaN;
}
