import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { Server as IoServer } from 'socket.io';
import { History } from '../history.js';
import { SocketHistory } from '../socket-history.js';
import { Person } from './people.js';
import { SocketClient } from './socket-client.js';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const TOKEN = { session: 'one', generation: 0, secret: 'x', transport: 'bearer' } as const;

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a client of the workload', () => {
  const person = new Person('a@example.com', 'x');
  const clientOf = (history: History): SocketClient => new SocketClient(history, new SocketHistory());

  it('does not wait for a node that is gone before it has said a word', async () => {
    const server = createServer();
    // As of a node that is killed between its promise and its first packet.
    server.on('upgrade', ({ headers }, socket) => {
      const accept = createHash('sha1').update(`${headers['sec-websocket-key']}${GUID}`).digest('base64');
      socket.end(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
    });
    const history = new History();
    const begun = performance.now();
    expect(await clientOf(history).open({ name: 'a', url: await listening(server) }, person, TOKEN)).toBeUndefined();
    // Its patience is a minute.
    expect(performance.now() - begun).toBeLessThan(30_000);
    expect(history.operations).toMatchObject([{ kind: 'connect', node: 'a', outcome: { kind: 'lost' } }]);
    await new Promise((resolve) => server.close(resolve));
  });

  it('records a refusal as the answer that it is, and what is let in once', async () => {
    const server = createServer();
    const sockets = new IoServer(server);
    sockets.use(({ handshake }, next) => {
      const refused = Object.assign(new Error('revoked'), { data: { status: 401, code: 'SESSION_REVOKED' } });
      next(handshake.auth['token'] === 'dead' ? refused : undefined);
    });
    const node = { name: 'a', url: await listening(server) };
    const history = new History();
    expect(await clientOf(history).open(node, person, { ...TOKEN, secret: 'dead' })).toBeUndefined();
    const open = await clientOf(history).open(node, person, TOKEN);
    expect(history.operations.map(({ outcome }) => outcome)).toMatchObject([
      { kind: 'answered', status: 401, code: 'SESSION_REVOKED' },
      { kind: 'answered', status: 200, code: null },
    ]);
    open?.close();
    await open?.closed;
    expect(history.operations).toHaveLength(2);
    await sockets.close();
  });
});
