import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionAdminService } from 'nestjs-identity-session';
import { SessionSockets } from 'nestjs-identity-session/sockets';
import { type Client, send, signedIn } from '../security/support/client.js';
import { eventually } from '../security/support/time.js';
import type { TestApp } from '../support/app.js';
import { WhoamiGateway } from './support/gateways.js';
import { startSocketApp } from './support/socket-app.js';
import { SocketClient } from './support/socket-client.js';

const BROWSER = { 'User-Agent': 'Browser/1' };
const MOST = 6;
/** Of the whole node; more than a test has open, but for the one that fills it. */
const MOST_OF_NODE = 12;

describe('connections without a session, where they are let in', () => {
  let node: TestApp;
  const logged = { warn: [] as unknown[], error: [] as unknown[] };
  /** Of the process, whichever application was given it last. */
  const logger = {
    log: () => undefined,
    warn: (text: unknown) => logged.warn.push(text),
    error: (text: unknown) => logged.error.push(text),
  };

  beforeAll(async () => {
    node = await startSocketApp({
      gateways: [WhoamiGateway],
      sockets: {
        anonymous: true,
        onSignOut: 'detach',
        limits: { perSession: 3, anonymousPerAddress: MOST, perNode: MOST_OF_NODE },
      },
      logger,
    });
  });
  afterAll(() => node.close());

  const open = () => SocketClient.connect(node.url, { extraHeaders: BROWSER });
  const signIn = (userId: string): Promise<Client> => signedIn(node, { userId, transport: 'bearer' });
  const nobody = { userId: null, sessionId: null };

  const signInWith = async (userId: string, socketId: string, headers: Record<string, string> = BROWSER) => {
    const answer = await send(node.url, 'POST', '/sign-in', {
      body: { userId },
      headers: { ...headers, 'Socket-Id': socketId },
    });
    expect(answer.status).toBe(201);
    return answer.body.id;
  };

  it('are adopted by the sign-in that names them, and closed with its session', async () => {
    const clients = [await open(), await open()];
    for (const client of clients) expect(await client.ask('whoami')).toMatchObject(nobody);
    const told = clients.map(
      (client) => new Promise((resolve) => client.socket.once('session:authenticated', resolve)),
    );
    const id = await signInWith('adopted', clients.map(({ socket }) => socket.id).join(', '));
    expect(await Promise.all(told)).toEqual([
      { sessionId: id, userId: 'adopted' },
      { sessionId: id, userId: 'adopted' },
    ]);
    for (const client of clients)
      expect(await client.ask('whoami')).toMatchObject({ userId: 'adopted', sessionId: id });
    await node.app.get(SessionAdminService).revoke(id, { reason: 'test', by: null });
    for (const client of clients) expect(await client.closed()).toMatchObject({ code: 'SESSION_REVOKED' });
  });

  it('are not adopted by another browser, nor taken from who has them', async () => {
    const client = await open();
    const bound = await open();
    const mine = await signInWith('mine', bound.socket.id!);
    await signInWith('thief', `${client.socket.id},${bound.socket.id}`, { 'User-Agent': 'Other/2' });
    await signInWith('thief', bound.socket.id!);
    await signInWith('thief', 'unknown, ,,__proto__');
    expect(await client.ask('whoami')).toMatchObject(nobody);
    expect(await bound.ask('whoami')).toMatchObject({ userId: 'mine', sessionId: mine });
    client.close();
    bound.close();
  });

  it('of another node than the sign-in’s stay nobody’s until they authenticate themselves', async () => {
    const other = await startSocketApp({
      gateways: [WhoamiGateway],
      sockets: { anonymous: true },
      joins: node,
      logger,
    });
    try {
      const client = await SocketClient.connect(other.url, { extraHeaders: BROWSER });
      const { body } = await send(node.url, 'POST', '/sign-in', {
        body: { userId: 'elsewhere', transport: 'bearer' },
        headers: { ...BROWSER, 'Socket-Id': client.socket.id! },
      });
      expect(await client.ask('whoami')).toMatchObject(nobody);
      const { token, id } = body;
      expect(await client.ask('session:authenticate', { token })).toEqual({ sessionId: id, userId: 'elsewhere' });
      client.close();
    } finally {
      await other.close();
    }
  });

  it('authenticate by message; what is sent meanwhile waits for it', async () => {
    const user = await signIn('by-message');
    const client = await open();
    const authenticated = client.ask('session:authenticate', { token: user.token });
    expect(await client.ask('whoami')).toMatchObject({ userId: 'by-message' });
    expect(await authenticated).toEqual({ sessionId: user.sessionId, userId: 'by-message' });
    expect(await client.ask('session:authenticate', { token: user.token })).toMatchObject({
      error: { code: 'ILLEGAL_TRANSITION' },
    });
    client.close();
  });

  it('are closed after a handful of tokens that are none', async () => {
    const client = await open();
    for (const message of [{ token: 'x' }, null, 'token', { token: { a: 1 } }]) {
      expect(await client.ask('session:authenticate', message)).toMatchObject({ error: { code: 'SESSION_INVALID' } });
      expect(await client.ask('whoami')).toMatchObject(nobody);
    }
    client.socket.emit('session:authenticate', { token: 'y' });
    await client.closed();
  });

  it('count against the limits of the session that they join', async () => {
    const user = await signIn('many');
    const clients = await Promise.all([open(), open(), open(), open()]);
    const outcomes = [];
    for (const client of clients) outcomes.push(await client.ask('session:authenticate', { token: user.token }));
    expect(outcomes[2]).toMatchObject({ userId: 'many' });
    expect(outcomes[3]).toMatchObject({ error: { code: 'TOO_MANY_REQUESTS' } });
    for (const client of clients) client.close();
  });

  it('past the limits of the session stay nobody’s, which a sign-in survives and the log takes for no failure', async () => {
    const clients = await Promise.all([open(), open(), open(), open()]);
    const id = await signInWith('crowd', clients.map(({ socket }) => socket.id).join(','));
    const whose = await Promise.all(clients.map((client) => client.ask('whoami')));
    expect(whose).toEqual([
      ...Array(3).fill(expect.objectContaining({ userId: 'crowd', sessionId: id })),
      expect.objectContaining(nobody),
    ]);
    expect(logged.error).toEqual([]);
    for (const client of clients) client.close();
  });

  it('are authenticated on a node that is full: that makes none more', async () => {
    await eventually(() => node.app.get(SessionSockets).figures.connections === 0);
    const clients = [await open()];
    while (clients.length < MOST_OF_NODE) {
      const { token } = await signIn(`fills-${clients.length}`);
      clients.push(await SocketClient.connect(node.url, { auth: { token } }));
    }
    const user = await signIn('last');
    expect(await clients[0]!.ask('session:authenticate', { token: user.token })).toMatchObject({ userId: 'last' });
    for (const client of clients) client.close();
    await eventually(() => node.app.get(SessionSockets).figures.connections === 0);
  });

  it('are not closed for refusals that are no guess', async () => {
    const { token } = await signIn('patient');
    const client = await open();
    await client.ask('session:authenticate', { token });
    for (let n = 0; n < 6; n += 1) {
      expect(await client.ask('session:authenticate', { token })).toMatchObject({
        error: { code: 'ILLEGAL_TRANSITION' },
      });
    }
    expect(await client.ask('whoami')).toMatchObject({ userId: 'patient' });
    client.close();
  });

  it('[row 63] of one address are no more than configured, until somebody authenticates them', async () => {
    await eventually(() => node.app.get(SessionSockets).figures.connections === 0);
    logged.warn.splice(0);
    const user = await signIn('past-the-crowd');
    const clients = await Promise.all(Array.from({ length: MOST }, open));
    const refused = async () => {
      const client = SocketClient.open(node.url);
      const outcome = await client.outcome();
      client.close();
      return outcome;
    };
    expect(await refused()).toMatchObject({
      code: 'TOO_MANY_REQUESTS',
      status: 429,
      detail: expect.stringContaining('address'),
    });
    await refused();
    expect(logged.warn).toEqual([expect.stringContaining('trustProxyHops')]);
    const signedInClient = await SocketClient.connect(node.url, { auth: { token: user.token } });
    expect(await clients[0]!.ask('session:authenticate', { token: user.token })).toMatchObject({
      sessionId: user.sessionId,
    });
    clients.push(await open(), signedInClient);
    expect(await refused()).toBeDefined();
    for (const client of clients) client.close();
    await eventually(async () => (await refused()) === undefined);
  });

  it('[row 59] are what a sign-out leaves where it detaches', async () => {
    const user = await signIn('leaves');
    const client = await SocketClient.connect(node.url, { auth: { token: user.token } });
    expect((await user.request('DELETE', '/sign-out')).status).toBe(200);
    await eventually(() => client.told.length > 0);
    expect(client.told).toMatchObject([{ code: 'SESSION_SIGNED_OUT' }]);
    expect(await client.ask('whoami')).toMatchObject(nobody);
    client.close();
  });

  it('come of a cookie that is over, and never of a token that is', async () => {
    const user = await signIn('over');
    await node.app.get(SessionAdminService).revoke(user.sessionId, { reason: 'test', by: null });
    const cookie = await SocketClient.connect(node.url, { extraHeaders: { Cookie: `session=${user.token}` } });
    expect(await cookie.ask('whoami')).toMatchObject(nobody);
    cookie.close();
    const token = SocketClient.open(node.url, { auth: { token: user.token } });
    expect(await token.outcome()).toMatchObject({ code: 'SESSION_REVOKED' });
  });
});
