import type { Socket as NodeSocket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocketGateway } from '@nestjs/websockets';
import { SessionMessenger, SessionSockets } from 'nestjs-identity-session/sockets';
import { signedIn } from '../security/support/client.js';
import type { TestApp } from '../support/app.js';
import { until } from './support/cluster.js';
import { startSocketApp } from './support/socket-app.js';
import { SocketClient } from './support/socket-client.js';

@WebSocketGateway()
class Gateway {}

const LONG = 'x'.repeat(50_000);
/** More than operating systems keep for one connection. */
const ENOUGH = 3_000;

describe('a client that does not read', () => {
  let node: TestApp;
  let messenger: SessionMessenger;

  beforeAll(async () => {
    node = await startSocketApp({
      gateways: [Gateway],
      sockets: { adapter: 'none', maxQueuedMessages: 100 },
      logger: { log: () => undefined, warn: () => undefined, error: () => undefined },
    });
    messenger = node.app.get(SessionMessenger);
  });
  afterAll(() => node.close());

  const figures = () => node.app.get(SessionSockets).figures;

  const connected = async (userId: string): Promise<SocketClient> => {
    const { token } = await signedIn(node, { userId, transport: 'bearer' });
    return SocketClient.connect(node.url, { auth: { token } });
  };

  /** It is connected, and takes nothing from its wire any more. */
  const stuck = async (userId: string): Promise<SocketClient> => {
    const client = await connected(userId);
    wireOf(client).pause();
    return client;
  };

  it('is disconnected, and delays nobody', async () => {
    const [slow, quick] = [await stuck('slow'), await connected('quick')];
    const heard: number[] = [];
    quick.socket.on('news', ({ n }: { n: number }) => heard.push(n));
    let n = 0;
    while (figures().slow === 0 && n < ENOUGH) {
      const { reached } = await messenger.broadcast('news', { n, text: LONG });
      expect(reached).toBeGreaterThanOrEqual(1);
      n += 1;
      // A server has other things to do between two messages.
      await new Promise((resolve) => setImmediate(resolve));
      await until('the other has heard', () => heard.length > n - 50);
    }
    expect(figures()).toMatchObject({ slow: 1, connections: 1 });
    await until('the other has heard all', () => heard.length === n);
    expect(heard).toEqual([...Array(n).keys()]);
    expect(await messenger.sendToUser({ userId: 'slow' }, 'news')).toMatchObject({ outcome: 'offline' });
    wireOf(slow).resume();
    await slow.closed();
    quick.close();
  });

  it('is found where the application sends by itself', async () => {
    const before = figures().slow;
    const slow = await stuck('idle');
    const [server] = node.app.get(SessionSockets).servers;
    let sent = 0;
    await until('it is disconnected', async () => {
      for (let n = 0; n < 50 && sent < ENOUGH; n += 1, sent += 1) server!.emit('news', LONG);
      await new Promise((resolve) => setImmediate(resolve));
      return figures().slow > before;
    });
    wireOf(slow).resume();
    await slow.closed();
  });
});

function wireOf({ socket }: SocketClient): NodeSocket {
  const { transport } = socket.io.engine as unknown as { transport: { ws: { _socket: NodeSocket } } };
  return transport.ws._socket;
}
