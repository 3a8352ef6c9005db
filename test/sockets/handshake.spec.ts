import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionAdminService } from 'nestjs-identity-session';
import { SessionSockets } from 'nestjs-identity-session/sockets';
import type { Server } from 'socket.io';
import { type Client, signedIn } from '../security/support/client.js';
import { ADAPTERS } from '../security/support/adapters.js';
import type { TestApp } from '../support/app.js';
import { ChatGateway, RecoveringGateway, WhoamiGateway } from './support/gateways.js';
import { startSocketApp } from './support/socket-app.js';
import { SocketClient } from './support/socket-client.js';

const PAGE = 'https://app.example.com';
/** Of socket.io's protocol. */
const EVENT = 2;

describe.each(ADAPTERS)('a handshake on %s', (adapter) => {
  let node: TestApp;
  let user: Client;
  let cookieUser: Client;

  beforeAll(async () => {
    node = await startSocketApp({
      adapter,
      gateways: [WhoamiGateway, ChatGateway],
      sockets: { allowedOrigins: [PAGE] },
    });
    user = await signedIn(node, { userId: 'ann', transport: 'bearer' });
    cookieUser = await signedIn(node, { userId: 'bob' });
  });
  afterAll(() => node.close());

  const outcome = async (options: Parameters<typeof SocketClient.open>[1], path = '') => {
    const client = SocketClient.open(node.url + path, options);
    const refusal = await client.outcome();
    client.close();
    return refusal;
  };

  const revoke = ({ sessionId }: Client, at = node) =>
    at.app.get(SessionAdminService).revoke(sessionId, { reason: 'test', by: null });

  it('takes the cookie, auth.token and Authorization, on both transports', async () => {
    const ways = [
      [{ auth: { token: user.token } }, 'ann'],
      [{ extraHeaders: { Authorization: `Bearer ${user.token}` } }, 'ann'],
      [{ extraHeaders: { Cookie: cookieUser.cookie! } }, 'bob'],
      // What a client says explicitly counts more than what comes by itself.
      [{ extraHeaders: { Cookie: cookieUser.cookie! }, auth: { token: user.token } }, 'ann'],
    ] as const;
    for (const [options, userId] of ways) {
      for (const transport of ['polling', 'websocket'] as const) {
        const client = await SocketClient.connect(node.url, { ...options, transports: [transport] });
        expect(await client.ask('whoami')).toMatchObject({ userId });
        client.close();
      }
    }
  });

  it('refuses what is no session, and tells why to whoever has its secret', async () => {
    const ended = await signedIn(node, { userId: 'ann', transport: 'bearer' });
    await revoke(ended);
    const pending = { requirements: [{ name: 'second_factor' }] };
    const halfway = await signedIn(node, { userId: 'ann', transport: 'bearer', pending });
    const cases = [
      [{}, 'SESSION_MISSING', 401],
      [{ auth: { token: 'ids_nonsense' } }, 'SESSION_INVALID', 401],
      [{ auth: { token: { $ne: '' } } }, 'SESSION_INVALID', 401],
      [{ auth: { token: [user.token] } }, 'SESSION_INVALID', 401],
      [{ auth: { token: 'x'.repeat(40_000) } }, 'SESSION_INVALID', 401],
      // It does not fall back on the cookie.
      [{ auth: { token: '' }, extraHeaders: { Cookie: cookieUser.cookie! } }, 'SESSION_INVALID', 401],
      [{ query: { token: user.token } }, 'SESSION_MISSING', 401],
      [{ auth: { token: ended.token } }, 'SESSION_REVOKED', 401],
      [{ auth: { token: halfway.token } }, 'SESSION_PENDING', 401],
    ] as const;
    for (const [options, code, status] of cases) expect(await outcome(options)).toMatchObject({ code, status });
  });

  it('is asked for in every namespace, also in those made later and by pattern', async () => {
    const server = serverOf(node);
    server.of('/later');
    server.of(/^\/room-\d+$/);
    for (const path of ['/chat', '/later', '/room-1']) {
      expect(await outcome({}, path)).toMatchObject({ code: 'SESSION_MISSING' });
      expect(await outcome({ auth: { token: user.token } }, path)).toBeUndefined();
    }
    const chat = await SocketClient.connect(`${node.url}/chat`, { auth: { token: user.token } });
    expect(await chat.ask('whoami')).toEqual({ userId: 'ann' });
    chat.close();
  });

  it('[row 58] is refused to pages of other origins, on polling and websocket', async () => {
    const own = node.url;
    const sibling = node.url.replace('127.0.0.1', 'app.127.0.0.1');
    for (const transport of ['polling', 'websocket'] as const) {
      const from = (origin: string) =>
        outcome({ auth: { token: user.token }, transports: [transport], extraHeaders: { Origin: origin } });
      expect(await from(PAGE)).toBeUndefined();
      expect(await from(own)).toBeUndefined();
      for (const origin of [
        'https://app.example.com.evil.io',
        'https://evil.io',
        'null',
        'HTTPS://APP.EXAMPLE.COM',
        sibling,
      ]) {
        expect(await from(origin)).toBeDefined();
      }
      // The page of the same name without TLS has the same Host, and is another site.
      const withoutTls = { Origin: own, 'Sec-Fetch-Site': 'cross-site' };
      expect(
        await outcome({ auth: { token: user.token }, transports: [transport], extraHeaders: withoutTls }),
      ).toBeDefined();
      const crossSite = { 'Sec-Fetch-Site': 'cross-site' };
      expect(
        await outcome({ auth: { token: user.token }, transports: [transport], extraHeaders: crossSite }),
      ).toBeDefined();
    }
    const polled = await fetch(`${node.url}/socket.io/?EIO=4&transport=polling`, {
      headers: { Origin: 'https://evil.io' },
    });
    expect(polled.status).toBe(403);
    expect(polled.headers.get('access-control-allow-origin')).not.toBe('https://evil.io');
    const allowed = await fetch(`${node.url}/socket.io/?EIO=4&transport=polling`, { headers: { Origin: PAGE } });
    expect(allowed.headers.get('access-control-allow-origin')).toBe(PAGE);
  });

  it('gives a message no more rights than the handshake proved', async () => {
    const client = await SocketClient.connect(node.url, { auth: { token: user.token } });
    client.socket.emit('transfer');
    await client.ask('whoami');
    expect(client.exceptions).toEqual([expect.objectContaining({ code: 'ASSURANCE_TOO_LOW', status: 403 })]);
    client.close();
  });

  it('[row 61] connection state recovery gives nothing to another session', async () => {
    const sockets = { adapter: 'none' } as const;
    const recovering = await startSocketApp({ adapter, gateways: [RecoveringGateway], sockets, joins: node });
    try {
      const [one, two] = [
        await signedIn(recovering, { userId: 'one', transport: 'bearer' }),
        await signedIn(recovering, { userId: 'two', transport: 'bearer' }),
      ];
      const client = await SocketClient.connect(recovering.url, { auth: { token: one.token } });
      const received = new Promise((resolve) => client.socket.once('news', resolve));
      const socket = serverOf(recovering).sockets.sockets.get(client.socket.id!)!;
      await socket.join('of-one');
      (socket.data as { name?: string }).name = 'one';
      serverOf(recovering).emit('news', 1);
      await received;
      const gone = new Promise((resolve) => client.socket.once('disconnect', resolve));
      client.socket.io.engine.close();
      await gone;
      client.socket.auth = { token: two.token };
      const refusal = client.outcome();
      client.socket.connect();
      expect(await refusal).toBeUndefined();
      expect(await client.ask('whoami')).toEqual({ userId: 'two' });
      const back = serverOf(recovering).sockets.sockets.get(client.socket.id!)!;
      expect(back.rooms.has('of-one')).toBe(false);
      expect([...back.rooms].filter((room) => room.includes(one.sessionId))).toEqual([]);
      expect(back.data).toEqual({});
      client.close();
    } finally {
      await recovering.close();
    }
  });

  it.each([
    ['', (): void => undefined],
    [', with an adapter set later either', (server: Server) => void server.adapter(server.adapter()!)],
  ])('[row 61] connection state recovery revives no ended session%s', async (_when, prepare) => {
    // What carries messages between nodes recovers nothing at all.
    const sockets = { adapter: 'none' } as const;
    const recovering = await startSocketApp({ adapter, gateways: [RecoveringGateway], sockets, joins: node });
    try {
      prepare(serverOf(recovering));
      const doomed = await signedIn(recovering, { userId: 'rec', transport: 'bearer' });
      const client = await SocketClient.connect(recovering.url, { auth: { token: doomed.token } });
      const received = new Promise((resolve) => client.socket.once('news', resolve));
      serverOf(recovering).emit('news', 1);
      await received;
      const back = async (meanwhile?: () => Promise<unknown>) => {
        const gone = new Promise((resolve) => client.socket.once('disconnect', resolve));
        client.socket.io.engine.close();
        await gone;
        await meanwhile?.();
        const refusal = client.outcome();
        client.socket.connect();
        return refusal;
      };
      expect(await back()).toBeUndefined();
      expect(client.socket.recovered).toBe(true);
      expect(await client.ask('whoami')).toEqual({ userId: 'rec' });
      const missed: unknown[] = [];
      client.socket.io.on('packet', (packet: { type: number; data?: unknown }) => {
        if (packet.type === EVENT) missed.push(packet.data);
      });
      const leaves = async () => {
        await revoke(doomed, recovering);
        serverOf(recovering).emit('news', 'for others');
      };
      expect(await back(leaves)).toMatchObject({ code: 'SESSION_REVOKED' });
      expect(missed).toEqual([]);
    } finally {
      await recovering.close();
    }
  });
});

function serverOf(node: TestApp): Server {
  const [server] = node.app.get(SessionSockets).servers;
  return server!;
}
