import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { isPortFree } from './port.js';
import { query, Scratch } from './testing/scratch.js';

const scratch = new Scratch();
/** Making a cluster is what takes the time: specs that do not care about its beginning share one. */
let dataDir: string;
beforeAll(async () => {
  dataDir = await scratch.directory();
});
afterEach(() => scratch.stop());
afterAll(() => scratch.remove());

async function occupy(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return server;
}

describe('startEmbeddedPostgres', () => {
  it('keeps data, port and password over a restart', async () => {
    const first = await scratch.start({ dataDir, database: 'shop' });
    await query(first.url, 'CREATE TABLE item AS SELECT 42 AS id');
    await first.stop();
    const second = await scratch.start({ dataDir, database: 'shop' });
    expect(second.url).toBe(first.url);
    expect(second.url).toMatch(/^postgres:\/\/postgres:[\w-]{32}@127\.0\.0\.1:\d+\/shop$/);
    expect(second.adopted).toBe(false);
    expect(await query(second.url, 'SELECT id FROM item')).toEqual([{ id: 42 }]);
  });

  it('lets nobody in without the password and listens on loopback only', async () => {
    const { url } = await scratch.start({
      dataDir,
      settings: { listen_addresses: '*', unix_socket_directories: '/tmp' },
    });
    const wrong = new URL(url);
    wrong.password = 'guess';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect(await query(url, `SELECT DISTINCT auth_method FROM pg_hba_file_rules`)).toEqual([
      { auth_method: 'scram-sha-256' },
    ]);
    expect(await query(url, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    expect(await query(url, 'SHOW unix_socket_directories')).toEqual([{ unix_socket_directories: '' }]);
    expect((await stat(join(dataDir, 'password'))).mode & 0o777).toBe(0o600);
  });

  it('makes a UTF-8 cluster with the C locale, and applies settings', async () => {
    const { url } = await scratch.start({ dataDir, settings: { max_connections: '17' } });
    expect(
      await query(
        url,
        `SELECT pg_encoding_to_char(encoding) AS encoding, datcollate AS collation,
                current_setting('max_connections') AS connections
         FROM pg_database WHERE datname = current_database()`,
      ),
    ).toEqual([{ encoding: 'UTF8', collation: 'C', connections: '17' }]);
  });

  it('tells the log what happens, but no secret', async () => {
    const lines: string[] = [];
    const dataDir = await scratch.directory();
    const server = await scratch.start({ dataDir, log: (line) => lines.push(line) });
    await server.stop();
    expect(lines).toEqual([
      expect.stringContaining('making a new cluster'),
      expect.stringContaining(`started PostgreSQL (pid ${server.pid}) on port ${server.port}`),
      expect.stringContaining('stopped'),
    ]);
    expect(lines.join('\n')).not.toContain(new URL(server.url).password);
  });

  it('says that a port is taken when that one was asked for, and leaves the data directory free', async () => {
    const other = await occupy(0);
    const { port } = other.address() as { port: number };
    await expect(scratch.start({ dataDir, port })).rejects.toMatchObject({ code: 'PORT_TAKEN' });
    other.close();
    expect((await scratch.start({ dataDir, port })).port).toBe(port);
  });

  it('moves to another port when that of the last run is taken', async () => {
    const first = await scratch.start({ dataDir });
    await first.stop();
    const other = await occupy(first.port);
    const second = await scratch.start({ dataDir });
    other.close();
    expect(second.port).not.toBe(first.port);
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('stops once however often it is asked, and cuts open connections', async () => {
    const server = await scratch.start({ dataDir });
    const sleeper = expect(query(server.url, 'SELECT pg_sleep(60)')).rejects.toThrow();
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    await sleeper;
    expect(await isPortFree(server.port)).toBe(true);
    await expect(stat(join(dataDir, 'owner'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('shows the log of the server when it does not start', async () => {
    await expect(scratch.start({ dataDir, settings: { shared_buffers: 'plenty' } })).rejects.toMatchObject({
      code: 'START_FAILED',
      message: expect.stringContaining('invalid value for parameter "shared_buffers"'),
    });
    expect((await scratch.start({ dataDir })).adopted).toBe(false);
  });

  it('refuses a cluster of another major version', async () => {
    const dataDir = await scratch.directory();
    await (await scratch.start({ dataDir })).stop();
    await writeFile(join(dataDir, 'cluster', 'PG_VERSION'), '9\n');
    await expect(scratch.start({ dataDir })).rejects.toMatchObject({ code: 'CLUSTER_INCOMPATIBLE' });
  });

  it('refuses a cluster of which a part is missing, and touches nothing of it', async () => {
    const dataDir = await scratch.directory();
    await (await scratch.start({ dataDir })).stop();
    await rm(join(dataDir, 'cluster', 'PG_VERSION'));
    await expect(scratch.start({ dataDir })).rejects.toMatchObject({ code: 'CLUSTER_DAMAGED' });
    await expect(readFile(join(dataDir, 'cluster', 'global', 'pg_control'))).resolves.toBeDefined();
  });

  it('says so when the password file was lost, and stops the server again', async () => {
    const dataDir = await scratch.directory();
    const first = await scratch.start({ dataDir });
    await first.stop();
    await rm(join(dataDir, 'password'));
    await expect(scratch.start({ dataDir })).rejects.toMatchObject({ code: 'PASSWORD_REJECTED' });
    expect(await isPortFree(first.port)).toBe(true);
  });

  it('does not take over a folder that holds other things', async () => {
    const dataDir = await scratch.directory();
    await writeFile(join(dataDir, 'thesis.tex'), '');
    const { uid } = await stat(dataDir);
    await expect(scratch.start({ dataDir })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
    expect((await stat(dataDir)).uid).toBe(uid);
  });
});
