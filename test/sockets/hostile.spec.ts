import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SessionSockets } from 'nestjs-identity-session/sockets';
import type { Server } from 'socket.io';
import { engineConnectionsOf } from '../../libs/session/src/sockets/engine-connections.js';
import { type Client, signedIn } from '../security/support/client.js';
import { eventually } from '../security/support/time.js';
import type { TestApp } from '../support/app.js';
import { ChatGateway, WhoamiGateway } from './support/gateways.js';
import { rawClient } from './support/raw-client.js';
import { startSocketApp } from './support/socket-app.js';
import { SocketClient } from './support/socket-client.js';
import { Stopwatch } from '../support/stopwatch.js';

/** Those who are welcome keep it too, also on a busy machine. */
const HANDSHAKE_MS = 1_500;

@WebSocketGateway({ namespace: /^\/room-/ })
class RoomGateway {
  @SubscribeMessage('echo')
  echo(): void {}
}

/** What is held afterwards is not for want of a collection. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

describe('hostile clients', () => {
  let node: TestApp;
  let user: Client;
  const uncaught: unknown[] = [];
  const note = (error: unknown) => uncaught.push(error);

  beforeAll(async () => {
    process.on('uncaughtExceptionMonitor', note);
    node = await startSocketApp({
      gateways: [WhoamiGateway, ChatGateway],
      sockets: { handshakeTimeoutMs: HANDSHAKE_MS, limits: { perSession: 3, perUser: 5, perNode: 12 } },
    });
    user = await signedIn(node, { userId: 'ann', transport: 'bearer' });
  });
  afterAll(async () => {
    await node.close();
    process.off('uncaughtExceptionMonitor', note);
  });

  const connect = ({ token }: Client, path = '') => SocketClient.connect(node.url + path, { auth: { token } });
  const refusal = async ({ token }: Client) => {
    const client = SocketClient.open(node.url, { auth: { token } });
    const found = await client.outcome();
    client.close();
    return found;
  };

  /** The next client connects, is answered, and leaves nothing behind. */
  async function isFine(): Promise<void> {
    const client = await connect(user);
    expect(await client.ask('whoami')).toMatchObject({ userId: 'ann' });
    client.close();
    await eventually(() => node.app.get(SessionSockets).figures.connections === 0);
    expect(uncaught).toEqual([]);
  }

  it('[row 63] what is longer than 64 KiB closes the connection; what is shorter does not', async () => {
    const fits = await connect(user);
    expect(await fits.ask('echo', 'x'.repeat(60_000))).toEqual({ body: 'x'.repeat(60_000) });
    fits.close();
    for (const transport of ['polling', 'websocket'] as const) {
      const client = await SocketClient.connect(node.url, { auth: { token: user.token }, transports: [transport] });
      client.socket.emit('echo', 'x'.repeat(70_000));
      await client.closed();
    }
    await isFine();
  });

  it('[row 63] there are no more connections than configured for a session, a user and a node', async () => {
    const open: SocketClient[] = [];
    const other = await signedIn(node, { userId: 'ann', transport: 'bearer' });
    for (let n = 0; n < 3; n += 1) open.push(await connect(user));
    const full = { code: 'TOO_MANY_REQUESTS', status: 429, retryAfterSeconds: expect.any(Number) };
    expect(await refusal(user)).toMatchObject({ ...full, detail: expect.stringContaining('session') });
    for (let n = 0; n < 2; n += 1) open.push(await connect(other));
    expect(await refusal(other)).toMatchObject({ ...full, detail: expect.stringContaining('user') });
    for (let n = 0; n < 7; n += 1)
      open.push(await connect(await signedIn(node, { userId: `u${n}`, transport: 'bearer' })));
    const late = await signedIn(node, { userId: 'late', transport: 'bearer' });
    expect(await refusal(late)).toMatchObject({ ...full, detail: expect.stringContaining('server') });
    for (const client of open) client.close();
    await isFine();
  });

  it('[row 63] all at once, no more than configured get in', async () => {
    const clients = Array.from({ length: 10 }, () => SocketClient.open(node.url, { auth: { token: user.token } }));
    await Promise.all(clients.map((client) => client.outcome()));
    await eventually(() => clients.filter(({ socket }) => socket.connected).length <= 3);
    expect(node.app.get(SessionSockets).figures.connections).toBe(3);
    for (const client of clients) client.close();
    await eventually(() => node.app.get(SessionSockets).figures.connections === 0);
    await isFine();
  });

  it('[row 63] who joins no namespace in time is disconnected', async () => {
    const { manager, closed } = rawClient(node);
    const watch = new Stopwatch();
    manager.open();
    await closed;
    expect(watch.stop()).toBeLessThan(HANDSHAKE_MS + 2_000);
    await isFine();
  });

  it.each([
    ['a binary event without its attachment', '451-["echo",{"_placeholder":true,"num":0}]', '42["echo",1]'],
    ['a placeholder that counts wrong', '451-["echo",{"_placeholder":true,"num":7}]', Buffer.from([1])],
    ['an attachment that nobody announced', Buffer.from([1, 2, 3])],
    ['no packet at all', 'x', '9', '4', '42', '42{}', '42[]', '42[1]', '42[{}]', '42["echo"', '4294967295["echo"]'],
    ['an event called error', '42["error","boom"]'],
    [
      'events that are socket.io’s own',
      '42["disconnect"]',
      '42["connect"]',
      '42["newListener"]',
      '42["disconnecting"]',
    ],
    ['names of prototypes', '42["__proto__",{}]', '42["constructor"]', '42["toString"]', '42["hasOwnProperty","x"]'],
    ['our own events', '42["session:revoked",{"sessionId":"x"}]', '42["exception",{}]'],
    ['namespaces that are none', '40/../admin,', '40/%2e%2e/admin,', '40/__proto__,', '40/' + 'x'.repeat(10_000) + ','],
    ['no end of namespaces', ...Array.from({ length: 200 }, (_, n) => `40/n${n},`)],
    ['an acknowledgement of nothing', '43999["x"]', '43-1["x"]', '4318446744073709551616["x"]'],
    ['a message to a namespace that was not joined', '42/chat,["whoami"]'],
    [
      'a handshake with what is no object',
      '40[]',
      '40"x"',
      '40{"token":{"__proto__":{"token":"x"}}}',
      '40{"__proto__":{"token":"x"}}',
    ],
  ])('%s harms nobody', async (_what, ...frames) => {
    const witness = await connect(await signedIn(node, { userId: 'witness', transport: 'bearer' }));
    for (const frame of frames) {
      const { manager, closed } = rawClient(node);
      await new Promise<void>((resolve) => {
        manager.once('open', resolve);
        manager.open();
      });
      // Frames are handled in the order in which they come: once the last is answered, all before it were.
      const answered = new Promise<void>((resolve) => {
        manager.engine.on('packet', ({ data }) => {
          if (typeof data === 'string' && data.startsWith('31234')) resolve();
        });
      });
      for (const sent of [`40{"token":"${user.token}"}`, frame, '421234["echo","after"]'])
        manager.engine.transport.ws.send(sent);
      await Promise.race([answered, closed]);
      manager.engine.close();
    }
    expect(await witness.ask('whoami')).toMatchObject({ userId: 'witness' });
    witness.close();
    await isFine();
  });

  it('[row 63] who joins and leaves without end leaves nothing behind', async () => {
    const { manager, closed } = rawClient(node);
    await new Promise<void>((resolve) => {
      manager.once('open', resolve);
      manager.open();
    });
    const [server] = node.app.get(SessionSockets).servers as [Server];
    const [connection] = engineConnectionsOf(server);
    let joined = 0;
    manager.engine.on('packet', ({ data }) => {
      if (typeof data === 'string' && data.startsWith('0')) joined += 1;
    });
    const listeners: number[] = [];
    for (let n = 1; n <= 12; n += 1) {
      manager.engine.transport.ws.send(`40{"token":"${user.token}"}`);
      await eventually(() => joined === n);
      manager.engine.transport.ws.send('41');
      await eventually(() => node.app.get(SessionSockets).figures.connections === 0);
      listeners.push(connection!.listenerCount('close'));
    }
    expect(listeners.at(-1)).toBe(listeners[0]);
    // Who has left has as long again to come back, counted from the last time.
    await closed;
    await isFine();
  });

  it('[row 63] 10 000 namespaces that match a pattern leave nothing behind', async () => {
    const alone = await startSocketApp({ gateways: [RoomGateway], sockets: { adapter: 'none' }, joins: node });
    try {
      const [server] = alone.app.get(SessionSockets).servers as [Server];
      const before = server._nsps.size;
      const { manager } = rawClient(alone);
      await new Promise<void>((resolve) => {
        manager.once('open', resolve);
        manager.open();
      });
      manager.engine.transport.ws.send(`40/room-mine,{"token":"${user.token}"}`);
      await eventually(() => server._nsps.size === before + 1);
      let refused = 0;
      manager.engine.on('packet', ({ data }) => {
        if (typeof data === 'string' && data.includes('SESSION_MISSING')) refused += 1;
      });
      const make = async (from: number, to: number): Promise<number> => {
        for (let n = from; n < to; n += 1) manager.engine.transport.ws.send(`40/room-${n},`);
        await eventually(() => refused === to);
        expect(server._nsps.size).toBe(before + 1);
        collectGarbage();
        return process.memoryUsage().heapUsed;
      };
      const first = await make(0, 1_000);
      const last = await make(1_000, 10_000);
      // Each would take several KB.
      expect(last - first).toBeLessThan(4_000_000);
      manager.engine.close();
      await eventually(() => server._nsps.size === before);
    } finally {
      await alone.close();
    }
    await isFine();
  });

  it('engine.io of no version, and the id of another’s connection', async () => {
    const at = (query: string, init?: RequestInit) => fetch(`${node.url}/socket.io/?${query}`, init);
    for (const query of [
      'EIO=99&transport=polling',
      'transport=polling',
      'EIO=4&transport=carrier-pigeon',
      'EIO=4&transport=polling&sid=nobody',
    ]) {
      const { status } = await at(query);
      expect([400, 403]).toContain(status);
    }
    const client = await SocketClient.connect(node.url, { auth: { token: user.token }, transports: ['polling'] });
    const { id } = client.socket.io.engine as unknown as { id: string };
    // Whoever knows the id of a connection does not get in by it as somebody of another transport or origin.
    const stolen = await at(`EIO=4&transport=websocket&sid=${id}`);
    expect(stolen.status).toBe(400);
    const foreign = await at(`EIO=4&transport=polling&sid=${id}`, { headers: { Origin: 'https://evil.io' } });
    expect(foreign.status).toBeGreaterThanOrEqual(400);
    client.close();
    await eventually(() => node.app.get(SessionSockets).figures.connections === 0);
    await isFine();
  });
});
