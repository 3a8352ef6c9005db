import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { History } from '../history.js';
import { SocketHistory } from '../socket-history.js';
import { Person } from './people.js';
import { SocketClient } from './socket-client.js';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

describe('a client of the workload', () => {
  let server: Server;
  let url: string;

  beforeAll(async () => {
    server = createServer();
    // As of a node that is killed between its promise and its first word.
    server.on('upgrade', ({ headers }, socket) => {
      const accept = createHash('sha1').update(`${headers['sec-websocket-key']}${GUID}`).digest('base64');
      socket.end(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it('does not wait for a node that is gone before it has said a word', async () => {
    const history = new History();
    const client = new SocketClient(history, new SocketHistory());
    const token = { session: 'one', generation: 0, secret: 'x', transport: 'bearer' } as const;
    const begun = performance.now();
    expect(await client.open({ name: 'a', url }, new Person('a@example.com', 'x'), token)).toBeUndefined();
    // Its patience is a minute.
    expect(performance.now() - begun).toBeLessThan(30_000);
    expect(history.operations).toMatchObject([{ kind: 'connect', node: 'a', outcome: { kind: 'lost' } }]);
  });
});
