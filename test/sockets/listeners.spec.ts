import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { OptionalSession, SessionAdminService } from 'nestjs-identity-session';
import { SessionSockets } from 'nestjs-identity-session/sockets';
import type { Server, Socket } from 'socket.io';
import { SignInListeners } from '../../libs/session/src/nest/sign-in/sign-in-listeners.js';
import { SessionChecker } from '../../libs/session/src/nest/check/session-checker.js';
import { RequestCredentials } from '../../libs/session/src/nest/credential/request-credentials.js';
import { type Client, signedIn } from '../security/support/client.js';
import { eventually } from '../security/support/time.js';
import type { TestApp } from '../support/app.js';
import { WhoamiGateway } from './support/gateways.js';
import { rawClient } from './support/raw-client.js';
import { startSocketApp } from './support/socket-app.js';
import { SocketClient } from './support/socket-client.js';

/** Throws people out as they come, in namespaces that are made as they are asked for. */
@WebSocketGateway({ namespace: /^\/bouncer-\d+$/ })
class BouncerGateway implements OnGatewayConnection {
  handleConnection(client: Socket): void {
    client.disconnect();
  }

  @OptionalSession()
  @SubscribeMessage('nothing')
  nothing(): void {}
}

const ROOM = 'team-42';

describe('connections of an application that does as it likes', () => {
  let node: TestApp;
  let server: Server;
  const errors: unknown[][] = [];

  beforeAll(async () => {
    node = await startSocketApp({
      logger: { log: () => undefined, warn: () => undefined, error: (...what) => errors.push(what) },
      gateways: [WhoamiGateway, BouncerGateway],
      sockets: { anonymous: true, onSignOut: 'detach', handshakeTimeoutMs: 1_500 },
    });
    [server] = node.app.get(SessionSockets).servers as [Server];
  });
  afterAll(() => node.close());

  const signIn = (userId: string) => signedIn(node, { userId, transport: 'bearer' });
  const connect = ({ token }: Client, path = '') => SocketClient.connect(node.url + path, { auth: { token } });
  const revoke = ({ sessionId }: Client) =>
    node.app.get(SessionAdminService).revoke(sessionId, { reason: 'test', by: null });
  const connections = () => node.app.get(SessionSockets).figures.connections;
  const socketOf = (client: SocketClient): Socket => server.sockets.sockets.get(client.socket.id!)!;

  it.each(['disconnecting', 'disconnect'] as const)(
    '[row 59] close with their session although a listener for %s throws',
    async (event) => {
      const user = await signIn('thrower');
      const clients = [await connect(user), await connect(user)];
      for (const client of clients) {
        socketOf(client).once(event, () => {
          throw new Error('The application failed.');
        });
      }
      await revoke(user);
      for (const client of clients) await client.closed();
      const later = await signIn('later');
      const client = await connect(later);
      await revoke(later);
      expect(await client.closed()).toMatchObject({ code: 'SESSION_REVOKED' });
    },
  );

  it('are refused with nothing of an error that nobody foresaw, which the log has once, with its stack', async () => {
    const user = await signIn('buggy');
    const credentials = node.app.get(RequestCredentials, { strict: false });
    credentials.of = () => {
      throw new TypeError('a bug with its secrets');
    };
    errors.splice(0);
    try {
      for (let n = 0; n < 2; n += 1) {
        const refusal = await SocketClient.open(node.url).outcome();
        expect(refusal).toMatchObject({ status: 503, code: 'SESSION_STORE_UNAVAILABLE' });
        expect(JSON.stringify(refusal)).not.toContain('bug');
      }
    } finally {
      Reflect.deleteProperty(credentials, 'of');
    }
    expect(errors).toHaveLength(1);
    expect(errors[0]![0]).toContain('TypeError: a bug');
    expect(errors[0]![0]).toContain('listeners.spec.ts');
    (await connect(user)).close();
  });

  it('leave nothing behind where a gateway disconnects them as they come', async () => {
    const user = await signIn('bounced');
    for (let n = 0; n < 3; n += 1) {
      const client = SocketClient.open(`${node.url}/bouncer-${n}`, { auth: { token: user.token } });
      await client.outcome();
      await client.closed();
    }
    await eventually(() => connections() === 0);
    expect(connections()).toBe(0);
  });

  it('find who is in a namespace by a pattern, also where the last one left while they came', async () => {
    const user = await signIn('meets');
    const path = '/meet-1';
    let isHeld = false;
    let letIn: () => void = () => undefined;
    server.of(/^\/meet-\d$/).use((_socket, next) => {
      if (isHeld) letIn = next;
      else next();
    });
    const first = await connect(user, path);
    isHeld = true;
    const second = SocketClient.open(node.url + path, { auth: { token: user.token } });
    const outcome = second.outcome();
    const waiting = letIn;
    await eventually(() => letIn !== waiting);
    first.close();
    await eventually(() => connections() === 0);
    isHeld = false;
    letIn();
    expect(await outcome).toBeUndefined();
    const third = await connect(user, path);
    expect([...server.of(path).sockets.keys()]).toEqual([second.socket.id, third.socket.id]);
    second.close();
    third.close();
    await eventually(() => !server._nsps.has(path));
    expect(server._nsps.has(path)).toBe(false);
  });

  it('keep nothing that they were let into by a session which they have left', async () => {
    const user = await signIn('leaver');
    const client = await connect(user);
    await socketOf(client).join(ROOM);
    const heard: unknown[] = [];
    client.socket.on('secret', (text) => heard.push(text));
    expect((await user.request('DELETE', '/sign-out')).status).toBe(200);
    await eventually(() => client.told.length > 0);
    server.to(ROOM).emit('secret', 'of the team');
    expect(await client.ask('whoami')).toMatchObject({ userId: null });
    expect(heard).toEqual([]);
    client.close();
  });

  it('are one session’s, also where two take them at once', async () => {
    const [first, second] = [await signIn('first'), await signIn('second')];
    const client = await SocketClient.connect(node.url, { extraHeaders: { 'User-Agent': 'Browser/1' } });
    const checker = node.app.get(SessionChecker);
    const found = (await node.app.get(SessionAdminService).find(first.sessionId))!;
    const { id, userId, tenantId, assurance } = found;
    const record = { id, userId, tenantId, assurance, authenticatedAt: found.authenticatedAt.getTime() };
    const verify = checker.verify.bind(checker);
    checker.verify = (...given) => {
      const verdict = Promise.resolve(verify(...given));
      const headers = { 'socket-id': client.socket.id!, 'user-agent': 'Browser/1' };
      node.app.get(SignInListeners, { strict: false }).tell({ headers }, record as never);
      return verdict;
    };
    try {
      expect(await client.ask('session:authenticate', { token: second.token })).toMatchObject({
        error: { code: 'ILLEGAL_TRANSITION' },
      });
    } finally {
      checker.verify = verify;
    }
    expect(await client.ask('whoami')).toMatchObject({ userId: 'first' });
    client.close();
  });

  it('have no more tokens tried than a handful, however many are sent at once', async () => {
    const client = await SocketClient.connect(node.url);
    const checker = node.app.get(SessionChecker);
    const verify = checker.verify.bind(checker);
    let tried = 0;
    checker.verify = (...given) => {
      tried += 1;
      return verify(...given);
    };
    try {
      for (let n = 0; n < 50; n += 1) client.socket.emit('session:authenticate', { token: `x${n}` });
      await client.closed();
      const next = await SocketClient.connect(node.url);
      for (let n = 0; n < 3; n += 1) await next.ask('whoami');
      next.close();
      expect(tried).toBe(5);
    } finally {
      checker.verify = verify;
    }
  });

  it('[row 63] hold no end of messages while the database is asked', async () => {
    const client = await connect(await signIn('flood'));
    const checker = node.app.get(SessionChecker);
    const verifyVouched = checker.verifyVouched.bind(checker);
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    checker.verifyVouched = async (...given) => {
      await answered;
      return verifyVouched(...given);
    };
    try {
      for (let n = 0; n < 256; n += 1) client.socket.emit('echo', n);
      const last = client.ask('whoami');
      last.catch(() => undefined);
      await client.closed();
      expect(client.exceptions).toEqual([expect.objectContaining({ code: 'TOO_MANY_REQUESTS', status: 429 })]);
    } finally {
      checker.verifyVouched = verifyVouched;
      answer();
    }
    await eventually(() => connections() === 0);
  });

  it('[row 63] whose client has left every namespace are closed', async () => {
    const user = await signIn('lingers');
    const { manager, closed } = rawClient(node);
    await new Promise<void>((resolve) => {
      manager.once('open', resolve);
      manager.open();
    });
    manager.engine.transport.ws.send(`40{"token":"${user.token}"}`);
    await eventually(() => connections() === 1);
    manager.engine.transport.ws.send('41');
    await eventually(() => connections() === 0);
    await closed;
  });
});
