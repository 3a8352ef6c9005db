import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type IdentitySessionOptions, SessionAdminService } from 'nestjs-identity-session';
import { SessionMessenger, SessionSockets } from 'nestjs-identity-session/sockets';
import { DataSource } from 'typeorm';
import { SESSION_STORE } from '../../libs/session/src/nest/module/tokens.js';
import type { SessionStore } from '../../libs/session/src/store/session-store.js';
import { KnownSessions } from '../../libs/session/src/sync/known-sessions.js';
import { type Client, signedIn } from '../security/support/client.js';
import { DEAF, eventually, followsLog, forget, letTimePass, MovableClocks } from '../security/support/time.js';
import type { TestApp } from '../support/app.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { WhoamiGateway } from './support/gateways.js';
import { startSocketApp } from './support/socket-app.js';
import { SocketClient } from './support/socket-client.js';
import { Stopwatch } from '../support/stopwatch.js';

const HOUR = 3_600_000;

const connect = (node: TestApp, { token }: Client): Promise<SocketClient> =>
  SocketClient.connect(node.url, { auth: { token } });

/** A node whose wire to the database can be cut. */
async function behindProxy(options: IdentitySessionOptions): Promise<{ node: TestApp; proxy: TcpProxy }> {
  let proxy: TcpProxy | undefined;
  const node = await startSocketApp({
    gateways: [WhoamiGateway],
    options,
    databaseUrl: async (url) => {
      const through = await TcpProxy.to(url);
      proxy = through.proxy;
      return through.url;
    },
  });
  return { node, proxy: proxy! };
}

describe('connections of this node', () => {
  let node: TestApp;
  let admin: SessionAdminService;

  beforeAll(async () => {
    node = await startSocketApp({
      gateways: [WhoamiGateway],
      options: {
        maxStalenessMs: 2_000,
        tailIntervalMs: 100,
        policy: ({ userId }) =>
          userId === 'one-only' ? [{ scope: 'subject', limit: 1, whenFull: 'evict-oldest' }] : [],
      },
    });
    admin = node.app.get(SessionAdminService);
  });
  afterAll(() => node.close());

  const signIn = (userId: string) => signedIn(node, { userId, transport: 'bearer' });

  it('[row 59] close by eviction, sign-out, suspension and cut-off, each with its reason', async () => {
    const ways: [string, (user: Client) => Promise<unknown>, object][] = [
      ['one-only', () => signIn('one-only'), { code: 'SESSION_EVICTED' }],
      ['leaver', (user) => user.request('DELETE', '/sign-out'), { code: 'SESSION_SIGNED_OUT' }],
      [
        'frozen',
        (user) => admin.suspend(user.sessionId, { reason: 'asked by bank', by: 'root' }),
        { code: 'SESSION_SUSPENDED', reason: 'asked by bank' },
      ],
      [
        'cut',
        () => admin.cutOff({ userId: 'cut', reason: 'leaked passwords', by: 'root' }),
        { code: 'SESSION_REVOKED', reason: 'leaked passwords' },
      ],
    ];
    const bystander = await connect(node, await signIn('bystander'));
    for (const [userId, end, told] of ways) {
      const user = await signIn(userId);
      const client = await connect(node, user);
      await end(user);
      expect(await client.closed()).toMatchObject({ sessionId: user.sessionId, ...told });
    }
    expect(await bystander.ask('whoami')).toMatchObject({ userId: 'bystander' });
    bystander.close();
  });

  it.each([
    ['the idle limit', 25 * HOUR],
    ['the absolute limit', 31 * 24 * HOUR],
  ])('[row 59] close when %s is passed, without any request', async (_limit, ms) => {
    const user = await signIn('runs-out');
    const client = await connect(node, user);
    await letTimePass(node, ms);
    expect(await client.closed()).toMatchObject({ sessionId: user.sessionId, code: 'SESSION_EXPIRED' });
  });

  it('[row 60] close where the end came between the handshake and the connection', async () => {
    const [server] = node.app.get(SessionSockets).servers;
    const user = await signIn('raced');
    // After the module's own middleware has let it through.
    let isFirst = true;
    server!.use((_socket, next) => {
      if (!isFirst) {
        next();
        return;
      }
      isFirst = false;
      void admin.revoke(user.sessionId, { reason: 'just now', by: null }).then(() => {
        next();
      });
    });
    const client = SocketClient.open(node.url, { auth: { token: user.token } });
    expect(await client.outcome()).toBeUndefined();
    expect(await client.closed()).toMatchObject({ sessionId: user.sessionId, code: 'SESSION_REVOKED' });
    expect(node.app.get(SessionSockets).figures.connections).toBe(0);
  });

  it('stay open where the suspension was taken back in the caller’s transaction', async () => {
    const user = await signIn('taken-back');
    const client = await connect(node, user);
    await node.app.get(DataSource).transaction(async (manager) => {
      await manager.query('SAVEPOINT before');
      await admin.suspend(user.sessionId, { reason: 'a mistake', by: 'root', manager });
      await manager.query('ROLLBACK TO before');
    });
    expect(await client.ask('whoami')).toMatchObject({ userId: 'taken-back' });
    expect(client.told).toEqual([]);
    client.close();
  });

  it('move no idle limit, and neither does what is sent', async () => {
    const user = await signIn('quiet');
    const client = await connect(node, user);
    const { lastAccessedAt } = (await admin.find(user.sessionId))!;
    for (let n = 0; n < 5; n += 1) await client.ask('whoami');
    expect((await admin.find(user.sessionId))!.lastAccessedAt).toEqual(lastAccessedAt);
    client.close();
  });
});

describe('a node that hears of no change', () => {
  let node: TestApp;

  beforeAll(async () => {
    node = await startSocketApp({
      gateways: [WhoamiGateway],
      options: { maxStalenessMs: 600_000, ...DEAF },
      sockets: { inboundIsActivity: true },
    });
  });
  afterAll(() => node.close());

  /** Past everything that tells connections of it; the node alone has come to know. */
  async function endBehindItsBack({ sessionId }: Client): Promise<void> {
    const store = node.app.get<SessionStore>(SESSION_STORE, { strict: false });
    const ended = await store.end({ kind: 'all' }, sessionId, 'revoked', { reason: 'behind its back', by: null });
    const known = node.app.get(KnownSessions, { strict: false });
    known.apply([ended!], known.moment());
  }

  it('[row 62] takes no answer to its own messages on an ended session', async () => {
    const user = await signedIn(node, { userId: 'answers', transport: 'bearer' });
    const client = await connect(node, user);
    client.socket.on('question', (answer: (value: string) => void) => {
      answer('yes');
    });
    const [server] = node.app.get(SessionSockets).servers;
    const socket = server!.sockets.sockets.get(client.socket.id!)!;
    const messenger = node.app.get(SessionMessenger);
    const ask = (timeoutMs: number) =>
      Promise.allSettled([
        socket.timeout(timeoutMs).emitWithAck('question'),
        server!.to(socket.id).timeout(timeoutMs).emitWithAck('question'),
        messenger.sendToSession(user.sessionId, 'question', undefined, { acknowledge: { timeoutMs } }),
      ]);
    expect(await ask(10_000)).toMatchObject([
      { value: 'yes' },
      { value: ['yes'] },
      { value: { acknowledged: [{ value: 'yes' }], unacknowledged: [] } },
    ]);
    await endBehindItsBack(user);
    expect(await ask(500)).toMatchObject([
      { status: 'rejected' },
      { status: 'rejected' },
      { value: { acknowledged: [], unacknowledged: [socket.id] } },
    ]);
    expect(await client.closed()).toMatchObject({ code: 'SESSION_REVOKED', reason: 'behind its back' });
  });

  it('[row 62] refuses what is sent on an ended session although its kick was lost', async () => {
    const user = await signedIn(node, { userId: 'deaf', transport: 'bearer' });
    const client = await connect(node, user);
    expect(await client.ask('whoami')).toMatchObject({ userId: 'deaf' });
    await endBehindItsBack(user);
    const answered = client.socket.timeout(2_000).emitWithAck('whoami');
    expect(await client.closed()).toMatchObject({ code: 'SESSION_REVOKED', reason: 'behind its back' });
    await expect(answered).rejects.toThrow();
  });

  it('counts what is sent as access where that is configured', async () => {
    const user = await signedIn(node, { userId: 'active', transport: 'bearer' });
    const client = await connect(node, user);
    const admin = node.app.get(SessionAdminService);
    const { lastAccessedAt } = (await admin.find(user.sessionId))!;
    await eventually(async () => {
      await client.ask('whoami');
      return (await admin.find(user.sessionId))!.lastAccessedAt > lastAccessedAt;
    });
    client.close();
  });

  it('decides what comes at once in the order in which it came, also where the database is asked', async () => {
    const user = await signedIn(node, { userId: 'ordered', transport: 'bearer' });
    const client = await connect(node, user);
    forget(node);
    const bodies = Array.from({ length: 20 }, (_, n) => n);
    const answers: number[] = [];
    await Promise.all(
      bodies.map(async (n) => {
        answers.push(((await client.ask('echo', n)) as { body: number }).body);
      }),
    );
    expect(answers).toEqual(bodies);
    client.close();
  });
});

describe('a node that loses its database', () => {
  let proxy: TcpProxy;
  let node: TestApp;

  beforeAll(async () => {
    ({ node, proxy } = await behindProxy({ maxStalenessMs: 1_000, tailIntervalMs: 100 }));
  });
  afterAll(async () => {
    await node.close();
    await proxy.close();
  });

  it('drops what it cannot confirm within maxStalenessMs, and lets it in again afterwards', async () => {
    const user = await signedIn(node, { userId: 'cut-off-node', transport: 'bearer' });
    const client = SocketClient.open(node.url, {
      auth: { token: user.token },
      reconnection: true,
      reconnectionDelay: 50,
    });
    expect(await client.outcome()).toBeUndefined();
    const dropped = new Promise<string>((resolve) => client.socket.once('disconnect', resolve));
    proxy.cut();
    const watch = new Stopwatch();
    // Not by the server's word, after which a client would not come back by itself.
    expect(await dropped).toMatch(/^transport (close|error)$/);
    expect(watch.stop()).toBeLessThan(3_000);
    expect(client.told).toEqual([]);
    proxy.heal();
    await eventually(
      async () => (await SocketClient.open(node.url, { auth: { token: user.token } }).outcome()) === undefined,
    );
    client.close();
  });
});

describe('a node whose trust in what it knows is nearly over', () => {
  const clocks = new MovableClocks();
  let proxy: TcpProxy;
  let node: TestApp;

  beforeAll(async () => {
    ({ node, proxy } = await behindProxy({ clocks, maxStalenessMs: 30_000, tailIntervalMs: 100 }));
  });
  afterAll(async () => {
    await node.close();
    await proxy.close();
  });

  it('[row 60] lets requests in, and no connection that it could not close in time', async () => {
    const user = await signedIn(node, { userId: 'late', transport: 'bearer' });
    await followsLog(node);
    expect((await user.get('/sessions/current')).status).toBe(200);
    proxy.cut();
    // Of 30 s, less than 18 are left: the watch needs as long to be sure.
    clocks.advance(15_000);
    expect((await user.get('/sessions/current')).status).toBe(200);
    const refused = await SocketClient.open(node.url, { auth: { token: user.token } }).outcome();
    expect(refused).toMatchObject({ code: 'SESSION_STORE_UNAVAILABLE' });
    proxy.heal();
    await eventually(
      async () => (await SocketClient.open(node.url, { auth: { token: user.token } }).outcome()) === undefined,
    );
  });
});
