import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { AllowAnonymous, SessionAdminService, SessionMetrics } from 'nestjs-identity-session';
import {
  type ConnectionRecord,
  ConnectionRegistry,
  type ConnectionStore,
  type SessionSocketsOptions,
} from 'nestjs-identity-session/sockets';
import type { Server, Socket } from 'socket.io';
import { Connection } from '../../libs/session/src/sockets/connection.js';
import { LocalConnections } from '../../libs/session/src/sockets/local-connections.js';
import { PostgresConnectionStore } from '../../libs/session/src/store/postgres/postgres-connection-store.js';
import { type Client, signedIn } from '../security/support/client.js';
import { sql } from '../security/support/rows.js';
import { eventually } from '../security/support/time.js';
import type { TestApp } from '../support/app.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { startSocketApp } from './support/socket-app.js';
import { SocketClient } from './support/socket-client.js';
import { Stopwatch } from '../support/stopwatch.js';

const SOCKETS: SessionSocketsOptions = { anonymous: true, heartbeatIntervalMs: 300, heartbeatTimeoutMs: 10_000 };

@WebSocketGateway()
class PingGateway {
  @WebSocketServer()
  readonly server!: Server;

  @AllowAnonymous()
  @SubscribeMessage('ping')
  ping(@ConnectedSocket() client: Socket) {
    return client.id;
  }
}

describe('who is connected', () => {
  let a: TestApp;
  let b: TestApp;
  let wire: TcpProxy;
  let clients: SocketClient[] = [];

  beforeAll(async () => {
    a = await startSocketApp({ options: { nodeName: 'node-a' }, sockets: SOCKETS, gateways: [PingGateway] });
    b = await startSocketApp({
      options: { nodeName: 'node-b' },
      sockets: SOCKETS,
      gateways: [PingGateway],
      joins: a,
      logger: { log: quiet, error: quiet, warn: quiet },
      databaseUrl: async (direct) => {
        const made = await TcpProxy.to(direct);
        wire = made.proxy;
        return made.url;
      },
    });
  });
  afterAll(async () => {
    await b.close();
    await wire.close();
    await a.close();
  });

  const registryOf = (node: TestApp): ConnectionRegistry => node.app.get(ConnectionRegistry);
  const localOf = (node: TestApp): LocalConnections => node.app.get(LocalConnections, { strict: false });
  const signIn = (userId: string, rest: { readonly tenantId?: string } = {}): Promise<Client> =>
    signedIn(a, { userId, transport: 'bearer', ...rest });

  async function connect(node: TestApp, user?: Client, options: object = {}): Promise<SocketClient> {
    const client = await SocketClient.connect(node.url, { auth: { token: user?.token }, ...options });
    clients.push(client);
    return client;
  }

  /** Once both nodes tell of exactly these of a user, and of nothing else. */
  async function bothTell(userId: string, ...ids: (string | undefined)[]): Promise<void> {
    const told = async (node: TestApp): Promise<string[]> =>
      (await registryOf(node).ofUser({ userId })).map(({ id }) => id).sort();
    const expected = JSON.stringify(ids.map(String).sort());
    await eventually(async () => [await told(a), await told(b)].every((found) => JSON.stringify(found) === expected));
  }

  async function closeAll(): Promise<void> {
    for (const client of clients) client.close();
    clients = [];
    await eventually(async () => (await registryOf(a).count()).total === 0);
  }

  it('leads from user and session to connections and back, on every node', async () => {
    const [phone, laptop] = [await signIn('ann'), await signIn('ann')];
    const elsewhere = await connect(a, await signIn('ann', { tenantId: 'acme' }));
    const [first, second] = [await connect(a, phone), await connect(a, phone)];
    const third = await connect(b, laptop, { transports: ['polling'], upgrade: false });
    await bothTell('ann', first.socket.id, second.socket.id, third.socket.id);
    for (const node of [a, b]) {
      const registry = registryOf(node);
      const idsOf = (found: readonly ConnectionRecord[]) => found.map(({ id }) => id);
      expect(idsOf(await registry.ofUser({ userId: 'ann', tenantId: 'acme' }))).toEqual([elsewhere.socket.id]);
      expect(idsOf(await registry.ofSession(phone.sessionId))).toEqual([first.socket.id, second.socket.id]);
      expect(idsOf(await registry.ofSession(laptop.sessionId))).toEqual([third.socket.id]);
      const found = await registry.find(third.socket.id!);
      expect(found).toEqual({
        id: third.socket.id,
        node: 'node-b',
        transport: 'polling',
        namespace: '/',
        address: '127.0.0.1',
        connectedAt: expect.any(Number),
        lastActiveAt: found!.connectedAt,
        sessionId: laptop.sessionId,
        userId: 'ann',
        tenantId: null,
        metadata: {},
      });
      expect(Math.abs(Date.now() - found!.connectedAt)).toBeLessThan(60_000);
      expect(await registry.count()).toEqual({
        total: 4,
        nodes: [
          { name: 'node-a', connections: 3 },
          { name: 'node-b', connections: 1 },
        ],
      });
    }
    await closeAll();
  });

  it('tells of a connection of this node at once', async () => {
    const user = await signIn('atonce');
    const { socket } = await connect(a, user);
    expect(await registryOf(a).find(socket.id!)).toMatchObject({ userId: 'atonce', node: 'node-a' });
    expect(await registryOf(a).ofSession(user.sessionId)).toHaveLength(1);
    const connection = localOf(a).get(socket.id!)!;
    await bothTell('atonce', socket.id);
    connection.socket.disconnect(true);
    expect(await registryOf(a).find(socket.id!)).toBeUndefined();
    expect(await registryOf(a).ofUser({ userId: 'atonce' })).toEqual([]);
    await closeAll();
  });

  it('knows what nobody can have, and asks for nothing that cannot be stored', async () => {
    for (const strange of ['', 'nobody', 'a\0b', '\ud800', 'x'.repeat(10_000), "'; --"]) {
      expect(await registryOf(a).find(strange)).toBeUndefined();
      expect(await registryOf(a).ofUser({ userId: strange })).toEqual([]);
      expect(await registryOf(a).ofUser({ userId: 'ann', tenantId: strange })).toEqual([]);
      expect(await registryOf(a).ofSession(strange)).toEqual([]);
    }
    expect(await registryOf(a).ofSession(randomUUID())).toEqual([]);
  });

  it('follows transport, activity and metadata on the other node', async () => {
    const client = await connect(b, await signIn('mover'), { transports: ['polling', 'websocket'] });
    const id = client.socket.id!;
    await bothTell('mover', id);
    const metadata = { seat: 4, name: 'Ann', muted: false, team: null };
    expect(registryOf(b).setMetadata(id, metadata)).toBe(true);
    expect(registryOf(a).setMetadata(id, metadata)).toBe(false);
    expect((await registryOf(b).find(id))?.metadata).toEqual(metadata);
    await eventually(async () => (await registryOf(a).find(id))?.metadata['seat'] === 4);
    await client.ask('ping');
    await eventually(async () => {
      const found = await registryOf(a).find(id);
      if (found?.transport !== 'websocket' || found.lastActiveAt <= found.connectedAt) return false;
      expect(found.metadata).toEqual(metadata);
      return true;
    });
    await closeAll();
  });

  it('keeps metadata flat, small and without keys of prototypes', async () => {
    const { socket } = await connect(a, await signIn('meta'));
    const refused: unknown[] = [
      null,
      'text',
      [1],
      new Map([['a', 1]]),
      { nested: {} },
      { list: [] },
      { nan: Number.NaN },
      { infinite: Number.POSITIVE_INFINITY },
      { big: 1n },
      { absent: undefined },
      { call: () => 1 },
      { nul: 'a\0' },
      { lone: '\ud800' },
      { 'key\0': 1 },
      { long: 'x'.repeat(2_040) },
      { ['ü'.repeat(1_024)]: 1 },
      JSON.parse('{"__proto__":1}'),
      { constructor: 1 },
      { prototype: 1 },
    ];
    for (const metadata of refused) {
      expect(() => registryOf(a).setMetadata(socket.id!, metadata as never)).toThrow(
        expect.objectContaining({ code: 'VALIDATION_FAILED' }),
      );
    }
    const largest = { long: 'x'.repeat(2_048 - '{"long":""}'.length) };
    expect(registryOf(a).setMetadata(socket.id!, largest)).toBe(true);
    const given = { n: 1 };
    registryOf(a).setMetadata(socket.id!, given);
    given.n = 2;
    expect((await registryOf(a).find(socket.id!))?.metadata).toEqual({ n: 1 });
    await closeAll();
  });

  it('has no place for what has ended, and tells who nobody is as nobody', async () => {
    const user = await signIn('gone');
    const doomed = [await connect(a, user), await connect(b, user)];
    const anonymous = await connect(b);
    await bothTell('gone', ...doomed.map(({ socket }) => socket.id));
    await eventually(async () => (await registryOf(a).find(anonymous.socket.id!)) !== undefined);
    expect(await registryOf(a).find(anonymous.socket.id!)).toMatchObject({ sessionId: null, userId: null });
    await a.app.get(SessionAdminService).revoke(user.sessionId, { reason: 'test', by: null });
    await bothTell('gone');
    expect((await registryOf(a).list()).items.map(({ id }) => id)).toEqual([anonymous.socket.id]);
    await closeAll();
  });

  it('lists in pages, by node and by pattern, and refuses what is no query', async () => {
    const user = await signIn('pages');
    const made = [];
    for (let n = 0; n < 7; n += 1) made.push((await connect(n < 3 ? b : a, user)).socket.id!);
    const sorted = [...made].sort();
    await bothTell('pages', ...made);
    const registry = registryOf(a);
    const listed: string[] = [];
    let cursor: string | null | undefined;
    let pages = 0;
    do {
      const page = await registry.list({ limit: 3, ...(cursor ? { cursor } : {}) });
      listed.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
      pages += 1;
    } while (cursor !== null);
    expect([listed, pages]).toEqual([sorted, 3]);
    const ofB = await registry.list({ node: 'node-b' });
    expect([ofB.items.map(({ id }) => id), ofB.nextCursor]).toEqual([made.slice(0, 3).sort(), null]);
    expect(Object.keys(ofB.items[0]!)).not.toContain('nodeId');
    expect((await registry.list({ idPattern: `${made[0]!.slice(0, 6)}*` })).items).toHaveLength(1);
    expect((await registry.list({ node: 'nobody' })).items).toEqual([]);
    const refused = [{ limit: 0 }, { limit: 201 }, { cursor: '' }, { cursor: 'AA' }, { idPattern: 'a\0' }, { what: 1 }];
    for (const query of refused) {
      await expect(registry.list(query as never)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    }
    await closeAll();
  });

  it('shows how many connections each node has to administrators', async () => {
    const admin = await signedIn(a, { userId: 'admin' });
    const user = await signIn('counted');
    for (const node of [a, b, b]) await connect(node, user);
    await eventually(async () => {
      const { body } = await admin.get('/admin/stats');
      const nodes = body['nodes'] as { name: string; connections: number }[];
      return JSON.stringify(nodes.map((node) => [node.name, node.connections])) === '[["node-a",1],["node-b",2]]';
    });
    await closeAll();
  });

  it('lets the first keep its id and says so; the newcomer is told of once the first has gone', async () => {
    const first = await connect(a, await signIn('first'));
    const newcomer = await connect(b, await signIn('newcomer'));
    await bothTell('first', first.socket.id);
    const { socket } = localOf(b).get(newcomer.socket.id!)!;
    const refusedBefore = registryOf(b).figures.refused;
    const twin = new Connection(Object.create(socket, { id: { value: first.socket.id } }) as Socket, null, 1);
    localOf(b).add(twin);
    await eventually(() => registryOf(b).figures.refused === refusedBefore + 1);
    expect(await registryOf(a).find(first.socket.id!)).toMatchObject({ node: 'node-a', userId: 'first' });
    expect(() => {
      localOf(b).add(twin);
    }).toThrow('There is a connection of the id');
    first.close();
    await eventually(async () => (await registryOf(a).find(twin.id))?.node === 'node-b');
    expect(registryOf(b).figures.refused).toBe(refusedBefore + 1);
    expect(b.app.get(SessionMetrics).collect()).toContainEqual(
      expect.objectContaining({ name: 'identity_session_registry_refused_total', value: refusedBefore + 1 }),
    );
    localOf(b).remove(twin);
    await closeAll();
  });

  it('survives names of namespaces that clients choose', async () => {
    const { server } = a.app.get(PingGateway);
    server.of(/^\/room-/);
    const { socket } = await connect(a, await signIn('namer'));
    const strange = socket.io.socket(`/room-\0${'x'.repeat(1_000)}`, {});
    strange.connect();
    await eventually(() => strange.connected);
    await eventually(async () => (await registryOf(b).find(strange.id!)) !== undefined);
    expect((await registryOf(b).find(strange.id!))!.namespace).toMatch(/^\/room-\uFFFDx{200,248}$/);
    expect(registryOf(a).figures.failures).toBe(0);
    strange.close();
    await closeAll();
  });

  it('costs messages and handshakes nothing while the database is away, and knows all when it is back', async () => {
    const [user, doomed] = [await signIn('stays'), await signIn('doomed')];
    const before = await connect(b, user);
    await connect(b, doomed);
    await bothTell('stays', before.socket.id);
    const moved = await connect(b, user);
    await bothTell('stays', before.socket.id, moved.socket.id);
    wire.cut();
    const failed = registryOf(b).figures.failures;
    registryOf(b).setMetadata(moved.socket.id!, { moved: true });
    await eventually(() => registryOf(b).figures.failures > failed + 1);
    await expect(registryOf(b).ofUser({ userId: 'stays' })).rejects.toMatchObject({
      code: 'SESSION_STORE_UNAVAILABLE',
    });
    const during = await connect(b, user);
    expect(await during.ask('ping')).toBe(during.socket.id);
    expect(await registryOf(b).find(during.socket.id!)).toMatchObject({ userId: 'stays' });
    before.close();
    wire.heal();
    await bothTell('stays', during.socket.id, moved.socket.id);
    await eventually(async () => (await registryOf(a).find(moved.socket.id!))?.metadata['moved'] === true);
    await closeAll();
  });

  it('holds up neither messages, kicks nor a shutdown where it answers nothing', async () => {
    const never = () => new Promise<never>(() => undefined);
    const names = ['beat', 'takeOver', 'forget', 'write', 'find', 'ofUser', 'ofSession', 'list', 'count'];
    const hanging = Object.fromEntries(names.map((name) => [name, never])) as unknown as ConnectionStore;
    const sockets = { ...SOCKETS, registry: hanging };
    const c = await startSocketApp({ sockets, gateways: [PingGateway], joins: a });
    const user = await signIn('kicked');
    const client = await connect(c, user);
    expect(await client.ask('ping')).toBe(client.socket.id);
    await a.app.get(SessionAdminService).revoke(user.sessionId, { reason: 'test', by: null });
    expect(await client.closed()).toMatchObject({ reason: 'test' });
    const watch = new Stopwatch();
    await c.close();
    expect(watch.stop()).toBeLessThan(5_000);
    await closeAll();
  });

  it('is whole again after the tables have lost everything', async () => {
    const user = await signIn('rewritten');
    const made = [await connect(a, user), await connect(b, user)].map(({ socket }) => socket.id);
    await bothTell('rewritten', ...made);
    await sql(a, 'TRUNCATE identity_session_connection');
    await bothTell('rewritten', ...made);
    // One by one: together they would wait crosswise with a beat.
    for (const table of ['node', 'connection']) await sql(a, `TRUNCATE identity_session_${table}`);
    await bothTell('rewritten', ...made);
    await closeAll();
  });

  it('removes what an earlier process of its name has left, and what is its own when it stops', async () => {
    const store = PostgresConnectionStore.on(a.db.dataSource);
    const earlier = { id: randomUUID(), name: 'node-c', uptimeMs: 0, connections: 1 };
    await store.beat(earlier, 60_000);
    const user = await signIn('restarted');
    const left = { ...(await recordOfNobody(a)), id: 'left-over', userId: 'restarted' };
    await store.write(earlier, { removed: [], put: [left], active: [] }, 60_000);
    // For all that anybody can tell, it lives.
    await sql(a, `UPDATE identity_session_node SET seen_at = now() + interval '1 hour' WHERE id = $1`, [earlier.id]);
    await bothTell('restarted', 'left-over');
    const c = await startSocketApp({
      options: { nodeName: 'node-c' },
      sockets: SOCKETS,
      gateways: [PingGateway],
      joins: a,
    });
    await bothTell('restarted');
    const { socket } = await connect(c, user);
    await bothTell('restarted', socket.id);
    await c.close();
    await eventually(
      async () => (await sql(a, 'SELECT 1 FROM identity_session_connection WHERE id = $1', [socket.id])).length === 0,
    );
    await closeAll();
  });

  it('tells of all connections of two nodes that live under one name', async () => {
    const user = await signIn('namesakes');
    const first = await connect(a, user);
    await bothTell('namesakes', first.socket.id);
    const { rewrites } = registryOf(a).figures;
    const twin = await startSocketApp({
      options: { nodeName: 'node-a' },
      sockets: SOCKETS,
      gateways: [PingGateway],
      joins: a,
    });
    const second = await connect(twin, user);
    await bothTell('namesakes', first.socket.id, second.socket.id);
    await eventually(async () => {
      const { nodes } = await registryOf(b).count();
      return JSON.stringify(nodes) === '[{"name":"node-a","connections":2}]';
    });
    // The one that started first has written again, once: neither takes from the other any more.
    expect(registryOf(a).figures.rewrites).toBe(rewrites + 1);
    expect(registryOf(twin).figures.rewrites).toBe(1);
    await twin.close();
    await bothTell('namesakes', first.socket.id);
    await closeAll();
  });

  /** As it is written down. */
  async function recordOfNobody(node: TestApp): Promise<ConnectionRecord> {
    const { socket } = await connect(node);
    return (await registryOf(node).find(socket.id!))!;
  }
});

function quiet(): void {
  // What this node tells while its database is away is expected.
}
