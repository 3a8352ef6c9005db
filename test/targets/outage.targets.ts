import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { TouchBuffer } from '../../libs/session/src/sync/touch-buffer.js';
import { type Client, signedIn } from '../security/support/client.js';
import { sql } from '../security/support/rows.js';
import { eventually } from '../security/support/time.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createTestDatabase } from '../support/database.js';
import { startServer } from '../support/server.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const USERS = 40;
const PASSING = 120;
const MOST = 100;
const OUTAGE_MS = 1_500;

/** When the client was last seen, as the node tells it. */
async function access(user: Client): Promise<number> {
  const { status, body } = await user.get('/sessions/current');
  expect(status).toBe(200);
  return Date.parse(String(body['lastAccessedAt']));
}

describe('an outage of the database', () => {
  it('neither grows what waits to be written without bound nor loses the newest accesses of sessions in use', async () => {
    let proxy: TcpProxy | undefined;
    const node: TestApp = await startTestApp({
      databaseUrl: async (url) => {
        const made = await TcpProxy.to(url);
        proxy = made.proxy;
        return made.url;
      },
      options: {
        syncIntervalMs: 200,
        storeDeadlineMs: 1_000,
        // What is known stays usable, so that there are accesses to be kept.
        maxStalenessMs: 600_000,
        cache: { maxSessions: MOST },
      },
    });
    try {
      const touches = node.app.get(TouchBuffer, { strict: false });
      const passing: Client[] = [];
      for (let n = 0; n < PASSING; n += 1) passing.push(await signedIn(node, { userId: `passing-${n}` }));
      const users: Client[] = [];
      for (let n = 0; n < USERS; n += 1) users.push(await signedIn(node, { userId: `user-${n}` }));
      proxy?.stall();
      const newest = new Map<string, number>();
      let most = 0;
      const begunAt = performance.now();
      for (let turn = 0; performance.now() - begunAt < OUTAGE_MS; turn += 1) {
        for (const user of users) newest.set(user.sessionId, await access(user));
        // Those whom the cache has let go need the database.
        void passing[turn % PASSING]?.me().catch(() => undefined);
        most = Math.max(most, touches.size);
      }
      expect(most).toBeGreaterThanOrEqual(USERS);
      expect(most).toBeLessThanOrEqual(MOST);
      proxy?.heal();
      await eventually(() => touches.size === 0);
      const rows = await sql<{ id: string; at: Date }>(node, 'SELECT id, last_accessed_at AS at FROM identity_session');
      const stored = new Map(rows.map(({ id, at }) => [id, at.getTime()]));
      // The database's own clock is what bounds an access.
      const lost = [...newest].filter(([id, at]) => (stored.get(id) ?? 0) < at - 50);
      expect(lost).toEqual([]);
    } finally {
      proxy?.heal();
      await node.close();
      await proxy?.close();
    }
  });

  it('does not keep a server that is told to stop for longer than ten seconds', async () => {
    const database = await createTestDatabase();
    const { proxy, url } = await TcpProxy.to(database.url);
    const password = randomBytes(12).toString('hex');
    const server = await startServer({
      DATABASE_URL: url,
      ADMIN_EMAIL: 'admin@example.com',
      ADMIN_PASSWORD: password,
      NODE_ENV: 'test',
    });
    try {
      const answer = await fetch(`${server.url}/auth/sign-in`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ email: 'admin@example.com', password, transport: 'bearer' }),
      });
      const { token } = (await answer.json()) as { token: string };
      const me = () => fetch(`${server.url}/me`, { headers: { Authorization: `Bearer ${token}` } });
      expect((await me()).status).toBe(200);
      proxy.stall();
      expect((await me()).status).toBe(200);
      const toldAt = performance.now();
      const code = await server.stop();
      expect(performance.now() - toldAt).toBeLessThan(10_000);
      expect({ code, output: server.output() }).toMatchObject({
        code: 0,
        output: expect.stringContaining('could not be written before shutdown'),
      });
    } finally {
      await server.kill();
      await proxy.close();
      await database.drop();
    }
  });
});
