import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SessionAdminService } from 'nestjs-identity-session';
import { ConnectionRegistry, type ConnectionStore, type SessionSocketsOptions } from 'nestjs-identity-session/sockets';
import { CONNECTION_STORE } from '../../libs/session/src/sockets/tokens.js';
import { signedIn } from '../security/support/client.js';
import { sql } from '../security/support/rows.js';
import { eventually } from '../security/support/time.js';
import type { TestApp } from '../support/app.js';
import { describeWithOwnRedis, OwnRedis } from '../support/redis.js';
import { startSocketApp } from './support/socket-app.js';
import { SocketClient } from './support/socket-client.js';

const SOCKETS: SessionSocketsOptions = { registry: 'redis', heartbeatIntervalMs: 300, heartbeatTimeoutMs: 10_000 };

/** That Redis is away is expected here. */
const quiet = () => undefined;
const QUIET = { log: quiet, error: quiet, warn: quiet };

@WebSocketGateway()
class PingGateway {
  @SubscribeMessage('ping')
  ping() {
    return 'pong';
  }
}

describeWithOwnRedis('who is connected, in Redis', () => {
  let redis: OwnRedis;
  let nodes: TestApp[];
  let namespace: string;
  const given = { sockets: SOCKETS, gateways: [PingGateway], logger: QUIET };
  // Nothing else uses Redis here, and a busy machine may take its time.
  const options = () =>
    ({ hints: 'postgres', sharedCache: false, redis: { url: redis.url, namespace, deadlineMs: 5_000 } }) as const;

  beforeAll(async () => {
    redis = await OwnRedis.start();
    namespace = redis.namespace();
    const first = await startSocketApp({ ...given, options: { ...options(), nodeName: 'node-a' } });
    nodes = [first, await startSocketApp({ ...given, options: { ...options(), nodeName: 'node-b' }, joins: first })];
  });
  afterAll(async () => {
    for (const node of nodes.reverse()) await node.close();
    await redis.close();
  });

  const idsAt = async (node: TestApp, userId: string): Promise<string[]> =>
    (await node.app.get(ConnectionRegistry).ofUser({ userId })).map(({ id }) => id).sort();

  async function bothTell(userId: string, ...ids: (string | undefined)[]): Promise<void> {
    const expected = JSON.stringify(ids.map(String).sort());
    await eventually(async () => {
      const found = await Promise.all(nodes.map((node) => idsAt(node, userId).catch(() => undefined)));
      return found.every((told) => JSON.stringify(told) === expected);
    });
  }

  it('is the same on every node, and the database holds none of it', async () => {
    const [a, b] = nodes as [TestApp, TestApp];
    const user = await signedIn(a, { userId: 'ann', transport: 'bearer' });
    const clients = [a, b, b].map((node) => SocketClient.connect(node.url, { auth: { token: user.token } }));
    const ids = (await Promise.all(clients)).map(({ socket }) => socket.id);
    await bothTell('ann', ...ids);
    const expected = {
      total: 3,
      nodes: [
        { name: 'node-a', connections: 1 },
        { name: 'node-b', connections: 2 },
      ],
    };
    for (const node of nodes) expect(await node.app.get(ConnectionRegistry).count()).toEqual(expected);
    expect(await sql(a, 'SELECT id FROM identity_session_connection')).toEqual([]);
    await a.app.get(SessionAdminService).revoke(user.sessionId, { reason: 'test', by: null });
    await bothTell('ann');
  });

  it('is away with Redis while all else goes on, and whole again with a Redis that has lost everything', async () => {
    const [a, b] = nodes as [TestApp, TestApp];
    const user = await signedIn(a, { userId: 'bob', transport: 'bearer' });
    const before = await SocketClient.connect(b.url, { auth: { token: user.token } });
    await bothTell('bob', before.socket.id);
    await redis.kill();
    await expect(a.app.get(ConnectionRegistry).ofUser({ userId: 'bob' })).rejects.toMatchObject({
      code: 'SESSION_STORE_UNAVAILABLE',
    });
    const during = await SocketClient.connect(a.url, { auth: { token: user.token } });
    expect(await during.ask('ping')).toBe('pong');
    before.close();
    await redis.restart();
    await bothTell('bob', during.socket.id);
    during.close();
    await bothTell('bob');
  });

  it('has nothing of a node that has stopped, nor of an earlier process of its name', async () => {
    const [a] = nodes as [TestApp];
    const earlier = { id: randomUUID(), name: 'node-c', uptimeMs: 0, connections: 1 };
    const store = a.app.get<ConnectionStore>(CONNECTION_STORE, { strict: false });
    const user = await signedIn(a, { userId: 'carl', transport: 'bearer' });
    const { socket } = await SocketClient.connect(a.url, { auth: { token: user.token } });
    const record = await a.app.get(ConnectionRegistry).find(socket.id!);
    await store.beat(earlier, 60_000);
    await store.write(earlier, { removed: [], put: [{ ...record!, id: 'left-over' }], active: [] }, 60_000);
    // For all that anybody can tell, it lives.
    await redis.command('ZINCRBY', `${namespace}:c:nodes`, '60000', `${earlier.id} node-c`);
    await bothTell('carl', socket.id, 'left-over');
    const c = await startSocketApp({ ...given, options: { ...options(), nodeName: 'node-c' }, joins: a });
    await bothTell('carl', socket.id);
    const gone = await SocketClient.connect(c.url, { auth: { token: user.token } });
    await bothTell('carl', socket.id, gone.socket.id);
    const closedAt = performance.now();
    await c.close();
    await bothTell('carl', socket.id);
    // Long before anybody would take it for dead.
    expect(performance.now() - closedAt).toBeLessThan(8_000);
    socket.close();
    await bothTell('carl');
  });

  it('is not configured without a Redis', async () => {
    const joins = nodes[0]!;
    await expect(startSocketApp({ sockets: { registry: 'redis' }, joins, logger: QUIET })).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
    });
  });
});
