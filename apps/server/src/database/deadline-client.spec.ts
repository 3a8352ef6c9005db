import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './data-source-options.js';

const AUTHENTICATED = message('R', Buffer.from([0, 0, 0, 0]));
const READY = message('Z', Buffer.from('I'));
const FAREWELL = message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'));

/** Of PostgreSQL's protocol: a letter, the length with itself, the content. */
function message(letter: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(content.length + 4);
  return Buffer.concat([Buffer.from(letter), length, content]);
}

describe('a connection that the server cuts in the moment in which it is made', () => {
  let server: Server;
  let url: string;

  beforeAll(async () => {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        // In one piece, as they come from a server that is terminated while its node is busy.
        socket.end(Buffer.concat([AUTHENTICATED, READY, FAREWELL]));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `postgres://nobody@127.0.0.1:${(server.address() as { port: number }).port}/nothing`;
  });

  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
  });

  /** @see test/nemesis: "connections terminated" ended nodes that had just taken a new connection. */
  it('fails for whoever wanted it, and ends no process', async () => {
    const dataSource = new DataSource({ ...dataSourceOptions(url, 'serving'), logging: false });
    await expect(dataSource.initialize()).rejects.toThrow();
  });
});
