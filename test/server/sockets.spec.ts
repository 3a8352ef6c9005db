import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RunningServer } from '../../apps/server/src/start/start-server.js';
import { SocketClient } from '../sockets/support/socket-client.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startInProcess } from '../support/server.js';
import { eventually } from '../security/support/time.js';
import { Stopwatch } from '../support/stopwatch.js';
import { ADMIN, PASSWORD } from './support/account-server.js';
import { HttpClient } from './support/http-client.js';

const ALLOWED = 'https://app.example.com';

interface Presence {
  readonly devices: readonly { readonly sessionId: string; readonly connections: number; readonly since: string }[];
}

/** A device of somebody, connected, and what it was told. */
interface Device {
  readonly client: HttpClient;
  readonly sessionId: string;
  readonly socket: SocketClient;
  readonly presences: Presence[];
  readonly messages: object[];
}

describe.each(['express', 'fastify'])('Sockets of the server on %s', (adapter) => {
  let database: TestDatabase;
  let server: RunningServer;
  let admin: HttpClient;
  let emails = 0;
  const open: SocketClient[] = [];

  const start = (nodeName = 'a'): Promise<RunningServer> =>
    startInProcess({
      DATABASE_URL: database.url,
      NODE_NAME: nodeName,
      HTTP_ADAPTER: adapter,
      ALLOWED_ORIGINS: ALLOWED,
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
    });

  beforeAll(async () => {
    database = await createTestDatabase();
    server = await start();
    admin = new HttpClient(server.url);
    await admin.signIn(ADMIN.email, ADMIN.password);
  });

  afterEach(() => {
    for (const socket of open.splice(0)) socket.close();
  });

  afterAll(async () => {
    await server.stop();
    await database.drop();
  });

  async function somebody(): Promise<{ userId: string; email: string }> {
    const email = `user-${(emails += 1)}@example.com`;
    const { body } = await new HttpClient(server.url).post('/auth/sign-up', { email, password: PASSWORD });
    return { userId: body.userId as string, email };
  }

  async function device(
    email: string,
    { url = server.url, ...options }: { url?: string; transports?: ('polling' | 'websocket')[] } = {},
  ): Promise<Device> {
    const client = new HttpClient(url);
    const { body } = await client.signIn(email, PASSWORD, { transport: 'bearer' });
    const presences: Presence[] = [];
    const messages: object[] = [];
    const socket = SocketClient.open(url, { auth: { token: client.token }, ...options });
    socket.socket.on('presence', (presence: Presence) => presences.push(presence));
    socket.socket.on('message', (message: object) => messages.push(message));
    open.push(socket);
    expect(await socket.outcome()).toBeUndefined();
    return { client, sessionId: body.session.id as string, socket, presences, messages };
  }

  const connected = ({ presences }: Device): string[] =>
    (presences.at(-1)?.devices.map(({ sessionId }) => sessionId) ?? []).sort();

  it('tell each device of a user which of them are connected, and nobody else', async () => {
    const { email } = await somebody();
    const other = await device((await somebody()).email);
    const first = await device(email);
    const second = await device(email, { transports: ['polling'] });
    const both = [first.sessionId, second.sessionId].sort();
    await eventually(() => connected(first).join() === both.join() && connected(second).join() === both.join());
    expect(await first.socket.ask('presence')).toEqual(first.presences.at(-1));
    expect(first.presences.at(-1)?.devices[0]).toEqual({
      sessionId: expect.any(String),
      connections: 1,
      since: expect.stringMatching(/^\d{4}-.*Z$/),
    });

    second.socket.close();
    await eventually(() => connected(first).join() === first.sessionId);
    expect(other.presences.flatMap(({ devices }) => devices.map(({ sessionId }) => sessionId))).not.toContain(
      first.sessionId,
    );
  });

  it('[row 59] close when an administrator ends the session, which is told why, and the other device of the user stays', async () => {
    const { email } = await somebody();
    const lost = await device(email);
    const stays = await device(email);
    expect(await admin.send('DELETE', `/admin/sessions/${lost.sessionId}?reason=lost%20phone`)).toMatchObject({
      status: 204,
    });
    expect(await lost.socket.closed()).toMatchObject({ code: 'SESSION_REVOKED', reason: 'lost phone' });
    await eventually(() => connected(stays).join() === stays.sessionId);
    expect(stays.socket.socket.connected).toBe(true);
  });

  it('tell the devices of a user of each other, and what an administrator says, over all nodes', async () => {
    const other = await start('b');
    try {
      const { userId, email } = await somebody();
      const here = await device(email);
      const there = await device(email, { url: other.url });
      const both = [here.sessionId, there.sessionId].sort().join();
      await eventually(() => connected(here).join() === both && connected(there).join() === both);

      const answer = await admin.post(`/admin/users/${userId}/messages`, { text: ' Hello ' });
      expect(answer).toMatchObject({ status: 200, body: { reached: 2, failed: 0, offline: false, complete: true } });
      for (const { messages } of [here, there]) {
        await eventually(() => messages.length > 0);
        expect(messages).toEqual([{ text: 'Hello', at: expect.stringMatching(/^\d{4}-.*Z$/) }]);
      }
      there.socket.close();
      await eventually(() => connected(here).join() === here.sessionId);
    } finally {
      await other.stop();
    }
  });

  it('[row 44] bring messages of administrators to users whom they administrate, and to no others', async () => {
    const made = async (role: string, tenantId?: string) => {
      const email = `made-${(emails += 1)}@example.com`;
      const { body } = await admin.post('/admin/accounts', { email, password: PASSWORD, role, tenantId });
      return { email, userId: body.userId as string };
    };
    const tenantAdmin = new HttpClient(server.url);
    await tenantAdmin.signIn((await made('tenant-admin', 'acme')).email, PASSWORD);
    const own = await made('user', 'acme');
    const foreign = await made('user', 'other');
    const [ownDevice, foreignDevice] = [await device(own.email), await device(foreign.email)];
    const send = (client: HttpClient, userId: string, body: object = { text: 'Hello' }) =>
      client.post(`/admin/users/${userId}/messages`, body);

    expect(await send(tenantAdmin, own.userId)).toMatchObject({ status: 200, body: { reached: 1 } });
    await eventually(() => ownDevice.messages.length > 0);
    expect(await send(tenantAdmin, foreign.userId)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    expect(await send(tenantAdmin, 'nobody')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    expect(await send(ownDevice.client, own.userId)).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    expect(await send(new HttpClient(server.url), own.userId)).toMatchObject({ status: 401 });
    for (const body of [{}, { text: '' }, { text: 7 }, { text: 'x'.repeat(2_001) }, { text: 'x', userId: 'y' }]) {
      expect(await send(admin, foreign.userId, body)).toMatchObject({
        status: 400,
        body: { code: 'VALIDATION_FAILED' },
      });
    }
    expect(foreignDevice.messages).toEqual([]);

    foreignDevice.socket.close();
    await eventually(() => foreignDevice.socket.disconnectReason !== undefined);
    await eventually(async () => (await send(admin, foreign.userId)).body.offline === true);
  });

  it('[row 58] take pages of the allowed origins and of their own, and no other', async () => {
    const { email } = await somebody();
    const client = new HttpClient(server.url);
    await client.signIn(email, PASSWORD, { transport: 'bearer' });
    const outcome = (origin: string, transport: 'polling' | 'websocket') => {
      const socket = SocketClient.open(server.url, {
        auth: { token: client.token },
        extraHeaders: { origin },
        transports: [transport],
      });
      open.push(socket);
      return socket.outcome();
    };
    for (const transport of ['polling', 'websocket'] as const) {
      expect(await outcome(ALLOWED, transport)).toBeUndefined();
      expect(await outcome(server.url, transport)).toBeUndefined();
      expect(await outcome('https://app.example.com.evil.io', transport)).toMatchObject({ status: 0 });
    }
  });

  it('close when the server stops, which a client that polls or only knocks does not hold up', async () => {
    const { email } = await somebody();
    const polling = await device(email, { transports: ['polling'] });
    const websocket = await device(email);
    const knocking = await knock();
    const watch = new Stopwatch();
    await server.stop();
    expect(watch.stop()).toBeLessThan(3_000);
    expect(polling.socket.socket.connected).toBe(false);
    // Not told to leave, so that it comes back by itself.
    expect(websocket.socket.disconnectReason).toBe('transport close');
    knocking.destroy();
    server = await start();
  });

  /** A connection that joins no namespace. */
  function knock(): Promise<Duplex> {
    const headers = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    };
    return new Promise((resolve, reject) => {
      request(`${server.url}/socket.io/?EIO=4&transport=websocket`, { headers })
        .on('error', reject)
        .on('upgrade', (_response, socket) => {
          socket.on('error', () => undefined);
          resolve(socket);
        })
        .end();
    });
  }
});
