import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocketGateway } from '@nestjs/websockets';
import { ConnectionRegistry, type SessionSocketsOptions } from 'nestjs-identity-session/sockets';
import { Database } from '../nemesis/cluster/database.js';
import { signedIn } from '../security/support/client.js';
import { eventually } from '../security/support/time.js';
import type { TestApp } from '../support/app.js';
import { NodeProcess } from './support/node-process.js';
import { startSocketApp } from './support/socket-app.js';
import { SocketClient } from './support/socket-client.js';

const TIMEOUT_MS = 1_500;
const SOCKETS: SessionSocketsOptions = { heartbeatIntervalMs: 500, heartbeatTimeoutMs: TIMEOUT_MS };

@WebSocketGateway()
class Gateway {}

describe('who is connected, when something crashes', () => {
  let database: Database;
  let node: TestApp;
  let registry: ConnectionRegistry;

  beforeAll(async () => {
    database = await Database.start();
    node = await startSocketApp({
      options: { nodeName: 'survivor' },
      sockets: SOCKETS,
      gateways: [Gateway],
      databaseUrl: () => database.url,
      // That PostgreSQL crashes is told of.
      logger: { log: quiet, error: quiet, warn: quiet },
    });
    registry = node.app.get(ConnectionRegistry);
  });
  afterAll(async () => {
    await node.close();
    await database.remove();
  });

  it('tells of no connection of a node that was killed once the heartbeat timeout is over, and keeps none', async () => {
    const killed = await NodeProcess.start(database.url, { nodeName: 'killed', sockets: SOCKETS });
    const user = await signedIn(node, { userId: 'ann', transport: 'bearer' });
    const client = await SocketClient.connect(killed.url, { auth: { token: user.token } });
    const id = client.socket.id!;
    await eventually(async () => (await registry.find(id))?.node === 'killed');
    await killed.kill();
    const goneAt = performance.now() + TIMEOUT_MS;
    // Until then it may be a network that is slow.
    expect(await registry.ofUser({ userId: 'ann' })).toHaveLength(1);
    await eventually(() => performance.now() >= goneAt);
    expect(await registry.find(id)).toBeUndefined();
    expect(await registry.ofUser({ userId: 'ann' })).toEqual([]);
    expect(await registry.count()).toEqual({ total: 0, nodes: [] });
    await eventually(async () => {
      const { rows } = await database.asAdmin((client) => client.query('SELECT id FROM identity_session_connection'));
      return rows.length === 0;
    });
    client.close();
  });

  it('knows everybody again after PostgreSQL has crashed and emptied its table', async () => {
    const user = await signedIn(node, { userId: 'bob', transport: 'bearer' });
    const client = await SocketClient.connect(node.url, { auth: { token: user.token } });
    await eventually(async () => (await registry.count()).total === 1);
    const { rewrites } = registry.figures;
    database.crash('SIGQUIT');
    await database.restart();
    await eventually(async () => (await countOf(registry)) === 1);
    expect(registry.figures.rewrites).toBeGreaterThan(rewrites);
    expect((await registry.list()).items.map(({ userId }) => userId)).toEqual(['bob']);
    expect(client.socket.connected).toBe(true);
    client.close();
    await eventually(async () => (await countOf(registry)) === 0);
  });
});

/** `undefined` while nobody can tell. */
async function countOf(registry: ConnectionRegistry): Promise<number | undefined> {
  return registry.count().then(
    ({ total }) => total,
    () => undefined,
  );
}

function quiet(): void {
  // Expected here.
}
