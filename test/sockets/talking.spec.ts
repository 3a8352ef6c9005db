import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SessionAdminService } from 'nestjs-identity-session';
import { type Delivery, SessionMessenger, SessionSockets } from 'nestjs-identity-session/sockets';
import { type Client, signedIn } from '../security/support/client.js';
import type { TestApp } from '../support/app.js';
import { describeWithRedis, testRedis, type TestRedis } from '../support/redis.js';
import { acquainted, until } from './support/cluster.js';
import { startSocketApp } from './support/socket-app.js';
import { SocketClient } from './support/socket-client.js';

@WebSocketGateway()
class EchoGateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown) {
    return data;
  }
}

@WebSocketGateway({ namespace: 'chat' })
class ChatGateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown) {
    return data;
  }
}

const GATEWAYS = [EchoGateway, ChatGateway];
/** For machines that are busy with something else. */
const PATIENT = { nodeAnswerTimeoutMs: 10_000 };

function talkingOver(start: (joins?: { readonly joins: TestApp }) => Promise<TestApp>): void {
  let a: TestApp;
  let b: TestApp;
  let here: SessionMessenger;

  beforeAll(async () => {
    a = await start();
    b = await start({ joins: a });
    here = a.app.get(SessionMessenger);
    await acquainted([a, b]);
  });
  afterAll(async () => {
    await b.close();
    await a.close();
  });

  const connect = (node: TestApp, { token }: Client, namespace = ''): Promise<SocketClient> =>
    SocketClient.connect(node.url + namespace, { auth: { token } });

  /** What comes of an event from now on. */
  const hearing = (client: SocketClient, event: string): unknown[] => {
    const heard: unknown[] = [];
    client.socket.on(event, (...args: unknown[]) => heard.push(...args));
    return heard;
  };

  const counts = ({ outcome, reached, failed, silentNodes, isComplete }: Delivery) => ({
    outcome,
    reached,
    failed,
    silentNodes,
    isComplete,
  });
  const COMPLETE = { silentNodes: 0, isComplete: true };

  it('reaches a connection, a session and a user on whatever node they are, and nobody else', async () => {
    const [ann, other] = [
      await signedIn(a, { userId: 'ann', transport: 'bearer' }),
      await signedIn(a, { userId: 'ann', transport: 'bearer' }),
    ];
    const stranger = await signedIn(a, { userId: 'ann', tenantId: 'acme', transport: 'bearer' });
    const clients = [await connect(a, ann), await connect(b, ann), await connect(b, other), await connect(b, stranger)];
    const heard = clients.map((client) => hearing(client, 'news'));
    const id = clients[2]!.socket.id!;
    expect(counts(await here.sendToConnection(id, 'news', 1))).toEqual({
      outcome: 'reached',
      reached: 1,
      failed: 0,
      ...COMPLETE,
    });
    expect(await here.sendToSession(ann.sessionId, 'news', 2)).toMatchObject({ reached: 2, ...COMPLETE });
    expect(await here.sendToUser({ userId: 'ann' }, 'news', 3)).toMatchObject({ reached: 3, ...COMPLETE });
    expect(await here.sendToUser({ userId: 'ann', tenantId: 'acme' }, 'news', 4)).toMatchObject({ reached: 1 });
    expect(await here.broadcast('news', 5)).toMatchObject({ reached: 4, ...COMPLETE });
    await until('all have heard', () => heard.every((messages) => messages.includes(5)));
    expect(heard).toEqual([
      [2, 3, 5],
      [2, 3, 5],
      [1, 3, 5],
      [4, 5],
    ]);
    for (const client of clients) client.close();
  });

  it('reaches all namespaces, or the one that is named', async () => {
    const user = await signedIn(a, { userId: 'nat', transport: 'bearer' });
    const [root, chat] = [await connect(b, user), await connect(b, user, '/chat')];
    const [inRoot, inChat] = [hearing(root, 'news'), hearing(chat, 'news')];
    expect(await here.sendToUser({ userId: 'nat' }, 'news', 1)).toMatchObject({ reached: 2 });
    expect(await here.sendToUser({ userId: 'nat' }, 'news', 2, { namespace: '/chat' })).toMatchObject({ reached: 1 });
    expect(await here.sendToUser({ userId: 'nat' }, 'news', 3, { namespace: '/none' })).toMatchObject({
      outcome: 'offline',
    });
    await until('both have heard', () => inRoot.length === 1 && inChat.length === 2);
    root.close();
    chat.close();
  });

  it('tells who is offline, which is no error, whatever the name', async () => {
    for (const id of ['nobody', '', '*', '__proto__', 'x'.repeat(100_000)]) {
      const nobody = { outcome: 'offline', reached: 0, failed: 0, ...COMPLETE };
      expect(await here.sendToConnection(id, 'news')).toMatchObject(nobody);
      expect(await here.sendToSession(id, 'news')).toMatchObject(nobody);
      expect(await here.sendToUser({ userId: id }, 'news')).toMatchObject(nobody);
    }
  });

  it('reaches nobody once the session has ended', async () => {
    const user = await signedIn(a, { userId: 'eve', transport: 'bearer' });
    const client = await connect(b, user);
    const heard = hearing(client, 'news');
    await a.app.get(SessionAdminService).revoke(user.sessionId, { reason: 'test', by: 'root' });
    await client.closed();
    expect(await here.sendToSession(user.sessionId, 'news', 1)).toMatchObject({ outcome: 'offline', ...COMPLETE });
    expect(await here.sendToUser({ userId: 'eve' }, 'news', 1)).toMatchObject({ outcome: 'offline', ...COMPLETE });
    expect(heard).toEqual([]);
  });

  it('keeps the order of a node’s messages for each connection, short and long ones', async () => {
    const user = await signedIn(a, { userId: 'ord', transport: 'bearer' });
    const clients = [await connect(a, user), await connect(b, user)];
    const heard = clients.map((client) => hearing(client, 'news') as { n: number }[]);
    const changing = { n: 0, text: '' };
    const sent: Promise<Delivery>[] = [];
    for (let n = 0; n < 200; n += 1) {
      // What is longer than NOTIFY takes goes another way; and what is sent is what it was when it was sent.
      changing.n = n;
      changing.text = n % 7 === 0 ? 'x'.repeat(20_000) : '';
      sent.push(here.sendToUser({ userId: 'ord' }, 'news', changing));
    }
    for (const delivery of await Promise.all(sent)) expect(delivery).toMatchObject({ reached: 2 });
    await until('all have heard', () => heard.every(({ length }) => length === 200));
    for (const messages of heard) expect(messages.map(({ n }) => n)).toEqual([...Array(200).keys()]);
    for (const client of clients) client.close();
  });

  it('tells who has acknowledged with what, and who has not in time', async () => {
    const user = await signedIn(a, { userId: 'ack', transport: 'bearer' });
    const [near, far, mute] = [await connect(a, user), await connect(b, user), await connect(b, user)];
    near.socket.on('news', (_data: unknown, answer: (value: unknown) => void) => {
      answer({ from: 'near' });
    });
    far.socket.on('news', (_data: unknown, answer: (value: unknown) => void) => {
      answer({ from: 'far' });
    });
    const delivery = await here.sendToUser({ userId: 'ack' }, 'news', 1, { acknowledge: { timeoutMs: 1_500 } });
    expect(delivery).toMatchObject({ reached: 3, ...COMPLETE, unacknowledged: [mute.socket.id] });
    expect(
      [...delivery.acknowledged].sort((x, y) => (JSON.stringify(x.value) < JSON.stringify(y.value) ? -1 : 1)),
    ).toEqual([
      { connectionId: far.socket.id, value: { from: 'far' } },
      { connectionId: near.socket.id, value: { from: 'near' } },
    ]);
    for (const client of [near, far, mute]) client.close();
  });

  it('a node that stops closes its own connections, for good, and nobody else’s', async () => {
    const c = await start({ joins: a });
    await acquainted([a, b, c]);
    const user = await signedIn(a, { userId: 'sam', transport: 'bearer' });
    const [onA, onC, inChat] = [await connect(a, user), await connect(c, user), await connect(c, user, '/chat')];
    c.app.get(SessionSockets).stop();
    await Promise.all([onC.closed(), inChat.closed()]);
    const late = SocketClient.open(c.url, { auth: { token: user.token } });
    expect(await late.outcome()).toMatchObject({ code: 'SESSION_STORE_UNAVAILABLE' });
    expect(await onA.ask('echo', 'still here')).toBe('still here');
    onA.close();
    await c.close();
    await until('it is not waited for', async () => {
      const { silentNodes, isComplete } = await here.broadcast('news');
      return silentNodes === 0 && isComplete;
    });
  });
}

describe('talking through PostgreSQL', () => {
  talkingOver((joins) => startSocketApp({ gateways: GATEWAYS, sockets: PATIENT, ...joins }));
});

describeWithRedis('talking through Redis', () => {
  let redis: TestRedis;
  let namespace: string;

  beforeAll(async () => {
    redis = await testRedis();
    namespace = redis.namespace();
  });
  afterAll(() => redis.close());

  talkingOver((joins) =>
    startSocketApp({
      gateways: GATEWAYS,
      sockets: PATIENT,
      options: { redis: { url: redis.url, namespace, deadlineMs: 5_000 } },
      ...joins,
    }),
  );
});
