import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket as NodeSocket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { CurrentSession, type Session, SessionAdminService, SessionService } from 'nestjs-identity-session';
import type { Socket } from 'socket.io';
import { KnownSessions } from '../../libs/session/src/sync/known-sessions.js';
import { type Client, signedIn } from '../security/support/client.js';
import type { TestApp } from '../support/app.js';
import { until } from './support/cluster.js';
import { startSocketApp } from './support/socket-app.js';
import { SocketClient } from './support/socket-client.js';

@WebSocketGateway()
class EchoGateway {
  @SubscribeMessage('whoami')
  whoami(@ConnectedSocket() client: Socket, @CurrentSession() session: Session) {
    return { id: client.id, userId: session.userId, sessionId: session.id };
  }
}

describe('connections end with their session', () => {
  let nodes: TestApp[];

  beforeAll(async () => {
    const first = await startSocketApp({ gateways: [EchoGateway] });
    nodes = [first, await startSocketApp({ gateways: [EchoGateway], joins: first, options: { strict: true } })];
  });
  afterAll(async () => {
    for (const node of nodes.reverse()) await node.close();
  });

  const connect = (node: TestApp, { token }: Client): Promise<SocketClient> =>
    SocketClient.connect(node.url, { auth: { token } });

  it('[row 59] a revocation on another node closes exactly that session’s connections, and says why', async () => {
    const [a, b] = nodes as [TestApp, TestApp];
    const [revoked, other] = [
      await signedIn(a, { userId: 'ann', transport: 'bearer' }),
      await signedIn(a, { userId: 'ann', transport: 'bearer' }),
    ];
    const doomed = [await connect(a, revoked), await connect(b, revoked)];
    const staying = [await connect(a, other), await connect(b, other)];
    expect(await doomed[1]!.ask('whoami')).toMatchObject({ userId: 'ann', sessionId: revoked.sessionId });
    const before = Date.now();
    await a.app.get(SessionAdminService).revoke(revoked.sessionId, { reason: 'lost phone', by: 'root' });
    for (const client of doomed) {
      const told = await client.closed();
      expect(told).toEqual({
        sessionId: revoked.sessionId,
        code: 'SESSION_REVOKED',
        reason: 'lost phone',
        at: expect.any(String),
      });
      expect(Date.parse(told!.at)).toBeGreaterThan(before - 60_000);
    }
    for (const client of staying) expect(await client.ask('whoami')).toMatchObject({ sessionId: other.sessionId });
    for (const client of staying) client.close();
  });

  it('[row 60] are looked at again from memory, also where every request asks the database', async () => {
    const [, strict] = nodes as [TestApp, TestApp];
    const user = await signedIn(strict, { userId: 'sue', transport: 'bearer' });
    const client = await connect(strict, user);
    const { counts } = strict.app.get(KnownSessions, { strict: false });
    const { inMemory, inDatabase } = counts;
    await until('it was looked at', () => counts.inMemory >= inMemory + 3);
    expect(counts.inDatabase).toBe(inDatabase);
    await client.ask('whoami');
    expect(counts.inDatabase).toBeGreaterThan(inDatabase);
    client.close();
  });

  it('rotation closes none', async () => {
    const [a] = nodes as [TestApp];
    const user = await signedIn(a, { userId: 'rita', transport: 'bearer' });
    const client = await connect(a, user);
    const session = await a.app.get(SessionAdminService).find(user.sessionId);
    const response = new ServerResponse(new IncomingMessage(new NodeSocket()));
    const { token } = await a.app.get(SessionService).rotate(session!, {
      reason: 'new role',
      request: { headers: { authorization: `Bearer ${user.token}` } },
      response,
    });
    expect(token).not.toBe(user.token);
    expect(await client.ask('whoami')).toMatchObject({ sessionId: user.sessionId });
    client.close();
  });
});
