import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { IdentitySessionModule, type Session, SessionAdminService } from 'nestjs-identity-session';
import {
  type Connection,
  SessionIoAdapter,
  SessionMessenger,
  SessionSockets,
  sessionSockets,
  type SocketHooks,
} from 'nestjs-identity-session/sockets';
import type { Server } from 'socket.io';
import { signedIn } from '../security/support/client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { until } from './support/cluster.js';
import { startSocketApp } from './support/socket-app.js';
import { SocketClient } from './support/socket-client.js';

const told: unknown[][] = [];
let isFailing = false;

@Injectable()
class Hooks implements SocketHooks {
  constructor(@Inject(SessionAdminService) private readonly admin: SessionAdminService) {}

  onConnect({ namespace }: Connection, session: Session | null): void {
    told.push(['connect', namespace, session?.userId, typeof this.admin.revoke]);
    if (isFailing) throw new TypeError('not this time');
  }

  onDisconnect(_connection: Connection, session: Session | null, reason: string): void {
    told.push(['disconnect', session?.userId, reason]);
    if (isFailing) throw new TypeError('not this time');
  }

  async onMessage(_connection: Connection, session: Session | null, event: string, args: readonly unknown[]) {
    told.push(['message', session?.userId, event, args]);
    await Promise.resolve();
    if (isFailing) throw new TypeError('not this time');
  }
}

@WebSocketGateway()
class EchoGateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown) {
    return data;
  }
}

@WebSocketGateway({ namespace: 'mute' })
class MuteGateway {
  afterInit(): void {
    // It has methods, but none for messages.
  }
}

@WebSocketGateway({ namespace: 'heir' })
class HeirGateway extends EchoGateway {}

describe('hooks', () => {
  let node: TestApp;
  const errors: unknown[] = [];

  beforeAll(async () => {
    node = await startSocketApp({
      gateways: [EchoGateway],
      sockets: { adapter: 'none', hooks: Hooks },
      logger: { log: () => undefined, warn: () => undefined, error: (...what) => errors.push(what) },
    });
  });
  beforeEach(() => {
    told.splice(0);
  });
  afterAll(() => node.close());

  it('are told of connections and messages, with the session and the reason', async () => {
    const ann = await signedIn(node, { userId: 'ann', transport: 'bearer' });
    const [left, revoked] = [await connect(node, ann.token), await connect(node, ann.token)];
    expect(await left.ask('echo', { a: 1 })).toEqual({ a: 1 });
    left.close();
    await until('it is gone', () => told.length === 4);
    await node.app.get(SessionAdminService).revoke(ann.sessionId, { reason: 'test', by: 'root' });
    await revoked.closed();
    await until('that is told', () => told.length === 5);
    expect(told).toEqual([
      ['connect', '/', 'ann', 'function'],
      ['connect', '/', 'ann', 'function'],
      ['message', 'ann', 'echo', [{ a: 1 }]],
      ['disconnect', 'ann', 'client namespace disconnect'],
      ['disconnect', 'ann', 'SESSION_REVOKED'],
    ]);
  });

  it('are told of a connection before its end, also where its session ended on its way in', async () => {
    const cleo = await signedIn(node, { userId: 'cleo', transport: 'bearer' });
    const [server] = node.app.get(SessionSockets).servers as [Server];
    // After the module has asked: what comes from here on it cannot refuse any more.
    server.of('/slow').use((_socket, next) => {
      void node.app
        .get(SessionAdminService)
        .revoke(cleo.sessionId, { reason: 'test', by: 'root' })
        .then(() => {
          next();
        });
    });
    const client = await SocketClient.connect(`${node.url}/slow`, { auth: { token: cleo.token } });
    await client.closed();
    await until('both are told', () => told.length === 2);
    expect(told).toEqual([
      ['connect', '/slow', 'cleo', 'function'],
      ['disconnect', 'cleo', 'SESSION_REVOKED'],
    ]);
  });

  it('harm nothing where they fail, and are logged once for each kind', async () => {
    isFailing = true;
    const bob = await signedIn(node, { userId: 'bob', transport: 'bearer' });
    for (let round = 0; round < 3; round += 1) {
      const client = await connect(node, bob.token);
      expect(await client.ask('echo', round)).toBe(round);
      client.close();
    }
    await until('all are told', () => told.length === 9);
    expect(errors.map((what) => /hook (\w+)/.exec(String((what as unknown[])[0]))?.[1]).sort()).toEqual([
      'onConnect',
      'onDisconnect',
      'onMessage',
    ]);
  });

  it.each([
    ['a reserved name', 'disconnect', 1],
    ['a name of the module', 'session:revoked', 1],
    ['no name', '', 1],
    ['a function', 'news', { call: () => 1 }],
    ['a bigint', 'news', 1n],
    ['no number', 'news', [Number.NaN]],
    ['bytes', 'news', { bytes: Buffer.from('x') }],
    ['a map', 'news', new Map()],
    ['a hole', 'news', [undefined]],
    ['too much', 'news', 'x'.repeat(70_000)],
  ])('a message of %s is refused before it is sent', async (_what, event, data) => {
    await expect(node.app.get(SessionMessenger).broadcast(event, data)).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
    });
  });

  it('a cycle is refused, and a date goes as it prints itself', async () => {
    isFailing = false;
    const messenger = node.app.get(SessionMessenger);
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    await expect(messenger.broadcast('news', cycle)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    const client = await connect(node, (await signedIn(node, { userId: 'eve', transport: 'bearer' })).token);
    const heard = new Promise((resolve) => client.socket.once('news', resolve));
    expect(await messenger.broadcast('news', { at: new Date(0) })).toMatchObject({ outcome: 'reached', reached: 1 });
    expect(await heard).toEqual({ at: '1970-01-01T00:00:00.000Z' });
    client.close();
  });
});

describe('gateways that handle no message', () => {
  it.each([
    ['are told of', {}, ['MuteGateway']],
    ['may have a hook', { hooks: Hooks }, []],
  ])('%s at start', async (_what, sockets, expected) => {
    const warnings: string[] = [];
    const node = await startSocketApp({
      gateways: [EchoGateway, MuteGateway, HeirGateway],
      sockets: { adapter: 'none', ...sockets },
      logger: { log: () => undefined, error: () => undefined, warn: (text: string) => warnings.push(text) },
    });
    await node.close();
    expect(warnings.flatMap((text) => /^The gateways? (.*) handles? no message/.exec(text)?.[1] ?? [])).toEqual(
      expected,
    );
  });
});

describe('SessionIoAdapter', () => {
  it('is missed at start where there are gateways', async () => {
    const errors: string[] = [];
    const node = await startTestApp({
      extras: { sockets: sessionSockets({ adapter: 'none' }) },
      providers: [EchoGateway],
      logger: { log: () => undefined, warn: () => undefined, error: (text: string) => errors.push(text) },
    });
    await node.close();
    expect(errors).toEqual([expect.stringContaining('app.useWebSocketAdapter(new SessionIoAdapter(app))')]);
  });

  it('says what it needs where the module has no sockets, and is not missed where nothing listens', async () => {
    const node = await startTestApp();
    expect(() => new SessionIoAdapter(node.app)).toThrow('sockets: sessionSockets()');
    const errors: unknown[] = [];
    Logger.overrideLogger({
      log: () => undefined,
      warn: () => undefined,
      error: (text: unknown) => errors.push(text),
    });
    const { url } = node.db.database;
    const worker = await NestFactory.createApplicationContext({
      module: HeirGateway,
      imports: [
        TypeOrmModule.forRoot({ type: 'postgres', url }),
        IdentitySessionModule.forRoot({ sockets: sessionSockets({ adapter: 'none' }) }),
      ],
      providers: [EchoGateway],
    });
    await worker.close();
    await node.close();
    expect(errors).toEqual([]);
  });
});

function connect(node: TestApp, token: string | undefined): Promise<SocketClient> {
  return SocketClient.connect(node.url, { auth: { token } });
}
