import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { SessionMetrics } from 'nestjs-identity-session';
import { SessionMessenger, type SessionSocketsOptions } from 'nestjs-identity-session/sockets';
import type { Server } from 'socket.io';
import { NodeBus } from '../../libs/session/src/sockets/nodes/node-bus.js';
import type { NodeLink } from '../../libs/session/src/sockets/nodes/node-link.js';
import { NODE_LINK } from '../../libs/session/src/sockets/tokens.js';
import { type Client, signedIn } from '../security/support/client.js';
import type { TestApp } from '../support/app.js';
import { describeWithOwnRedis, OwnRedis } from '../support/redis.js';
import { acquainted, until } from './support/cluster.js';
import { startSocketApp } from './support/socket-app.js';
import { SocketClient } from './support/socket-client.js';

@WebSocketGateway()
class EchoGateway {
  @WebSocketServer() server!: Server;

  afterInit(server: Server): void {
    // Clients name these.
    server.of(/^\/dynamic/s);
  }

  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown) {
    return data;
  }
}

const GATEWAYS = [EchoGateway];
const SOCKETS: SessionSocketsOptions = { nodeAnswerTimeoutMs: 5_000 };

/** What another program could say on the nodes' channel. */
const MALFORMED: readonly unknown[] = [
  undefined,
  null,
  '',
  'no JSON',
  '{"v":1}',
  '[[[[',
  '['.repeat(60_000),
  { v: 1 },
  JSON.stringify({ v: 1, kind: 'message' }),
  ...[
    { v: 2 },
    { event: 'session:revoked' },
    { event: 'disconnect' },
    { target: { kind: 'user', userId: '*', tenantId: null } },
    { target: { kind: 'everybody' } },
    { target: { kind: 'session', id: ['x'] } },
    { acknowledgeMs: -1 },
    { isAnswered: 'yes' },
    { more: true },
    { data: 'x'.repeat(5_000_000) },
  ].map((change) =>
    JSON.stringify({
      v: 1,
      kind: 'message',
      id: 'x',
      target: { kind: 'all' },
      event: 'forged',
      isAnswered: true,
      data: 'forged',
      ...change,
    }),
  ),
  JSON.stringify({ v: 1, kind: 'answer', id: 'x', from: 'y', reached: -1, failed: 0, isLast: true }),
];

/** Of the adapters themselves, as far as they look like theirs. */
const BROKEN = [3, 4, 6, 7, 9].flatMap((type) => [
  JSON.stringify({ nsp: '/', type, data: null }),
  JSON.stringify({ nsp: '/', type, data: { packet: 5, opts: null, requestId: 1 } }),
  JSON.stringify({ type, requestId: 'x', opts: null, data: 5 }),
  JSON.stringify({ nsp: '/', type, attachmentId: 'no number' }),
]);

interface Fault {
  /** Breaks what carries messages, and has it work again. */
  readonly breakAndRepair: (node: TestApp) => Promise<void>;
  /** Says something to all nodes that no adapter would say. */
  readonly shout: (text: string) => Promise<void>;
}

function apart(start: (joins?: { readonly joins: TestApp }) => Promise<TestApp>, fault: Fault): void {
  let a: TestApp;
  let b: TestApp;
  let far: SocketClient;
  let near: SocketClient;
  let user: Client;
  const heard: unknown[] = [];

  beforeAll(async () => {
    a = await start();
    b = await start({ joins: a });
    await acquainted([a, b]);
    user = await signedIn(a, { userId: 'ann', transport: 'bearer' });
    near = await SocketClient.connect(a.url, { auth: { token: user.token } });
    far = await SocketClient.connect(b.url, { auth: { token: user.token } });
    far.socket.onAny((_event: string, data: unknown) => heard.push(data));
  });
  afterAll(async () => {
    near.close();
    far.close();
    await b.close();
    await a.close();
  });

  const arrives = async (text: string): Promise<void> => {
    expect(await a.app.get(SessionMessenger).sendToUser({ userId: 'ann' }, 'news', text)).toMatchObject({
      reached: 2,
      isComplete: true,
    });
    await until('it arrives', () => heard.includes(text));
  };

  it('drops what is no message, without effect', async () => {
    const bus = a.app.get(NodeBus);
    const before = heard.length;
    for (const text of MALFORMED) bus.publish(text as string);
    for (const text of ['no JSON', '{', 'null', '[]', '{"type":3}', ...BROKEN]) {
      await fault.shout(text).catch(() => undefined);
    }
    await arrives('after all that');
    expect(heard.slice(before)).toEqual(['after all that']);
    expect(b.app.get<NodeLink>(NODE_LINK).figures.malformed).toBeGreaterThan(0);
    expect(await far.ask('echo', 'here')).toBe('here');
  });

  it('a namespace may be called what it likes', async () => {
    for (const name of ['/dynamic"; CREATE TABLE injected (); --', `/dynamic/${'x'.repeat(200)}`, '/dynamic\u0000*']) {
      const namespace = a.app.get(EchoGateway).server.of(name);
      expect(namespace.name).toBe(name);
    }
    await arrives('after strange names');
    const tables: unknown[] = await a.db.dataSource.query(`SELECT 1 FROM pg_tables WHERE tablename = 'injected'`);
    expect(tables).toEqual([]);
  });

  it('hears a namespace while somebody is in it, and no longer', async () => {
    const name = '/dynamic-room';
    const join = () =>
      Promise.all([a, b].map(({ url }) => SocketClient.connect(url + name, { auth: { token: user.token } })));
    for (const round of [1, 2]) {
      const clients = await join();
      const namespaces = [a, b].map(({ app }) => app.get(EchoGateway).server.of(name));
      const inRoom: unknown[] = [];
      clients[1]!.socket.on('news', (text) => inRoom.push(text));
      await until('it is heard', () => {
        namespaces[0]!.emit('news', round);
        return inRoom.includes(round);
      });
      for (const client of clients) client.close();
      await until('it is closed', () => [a, b].every(({ app }) => !app.get(EchoGateway).server._nsps.has(name)));
      for (const { adapter } of namespaces) {
        const { client } = adapter as { client?: { readonly channels: Set<string> } };
        expect([...(client?.channels ?? [])]).not.toContain(`socket.io#${name}`);
      }
    }
  });

  it('goes on for its own connections while other nodes cannot be reached, and reaches them again afterwards', async () => {
    await fault.breakAndRepair(a);
    const link = a.app.get<NodeLink>(NODE_LINK);
    const samples = a.app.get(SessionMetrics).collect();
    expect(samples).toContainEqual(expect.objectContaining({ name: expect.stringContaining('node_messages_dropped') }));
    await until('it is up again', () => link.isUp && b.app.get<NodeLink>(NODE_LINK).isUp);
    await acquainted([a, b]);
    await arrives('after the fault');
    expect(heard.filter((text) => text === 'after the fault')).toHaveLength(1);
  });
}

/** Sends a message; whether nothing has carried it to other nodes, which may have come back meanwhile. */
async function isKeptHere(node: TestApp): Promise<boolean> {
  const { outcome, reached, isComplete } = await node.app.get(SessionMessenger).sendToUser({ userId: 'ann' }, 'gap', 0);
  expect(outcome).toBe('reached');
  return reached === 1 && !isComplete;
}

describe('nodes and PostgreSQL', () => {
  let first: TestApp;

  apart(
    async (joins) => {
      const app = await startSocketApp({ gateways: GATEWAYS, sockets: SOCKETS, ...joins });
      if (joins === undefined) first = app;
      return app;
    },
    {
      breakAndRepair: async (node) => {
        const link = node.app.get<NodeLink>(NODE_LINK);
        // The adapter connects anew after some time of its choice, which may be none.
        await until('a message comes while it is away', async () => {
          await node.db.dataSource.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'identity-session sockets'`,
          );
          const endsAt = performance.now() + 1_000;
          while (link.isUp && performance.now() < endsAt) await new Promise((resolve) => setImmediate(resolve));
          return !link.isUp && isKeptHere(node);
        });
      },
      shout: async (text) => {
        await first.db.dataSource.query('SELECT pg_notify($1, $2)', ['socket.io#/', text]);
      },
    },
  );
});

describeWithOwnRedis('nodes and Redis', () => {
  let redis: OwnRedis;
  const namespace = 'apart';

  beforeAll(async () => {
    redis = await OwnRedis.start();
  });
  afterAll(() => redis.close());

  apart(
    (joins) =>
      startSocketApp({
        gateways: GATEWAYS,
        sockets: SOCKETS,
        options: { redis: { url: redis.url, namespace, deadlineMs: 5_000 } },
        logger: { log: () => undefined, warn: () => undefined, error: () => undefined },
        ...joins,
      }),
    {
      breakAndRepair: async (node) => {
        const link = node.app.get<NodeLink>(NODE_LINK);
        await redis.kill();
        await until('it is noticed', () => !link.isUp);
        expect(await isKeptHere(node)).toBe(true);
        await redis.restart();
      },
      shout: async (text) => {
        for (const channel of ['-request#/#', '-response#/#', '#/#']) {
          await redis.command('PUBLISH', `${namespace}:sockets${channel}`, text);
        }
      },
    },
  );
});
