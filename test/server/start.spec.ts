import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { Agent, get, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startAndFail, startServer, type ServerEnvironment, type ServerProcess } from '../support/server.js';
import { HttpClient } from './support/http-client.js';

const ADMIN = { ADMIN_EMAIL: 'root@example.com', ADMIN_PASSWORD: 'correct horse battery' };
/** Processes take their time to start where much else is running. */
jest.setTimeout(120_000);

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function database(): Promise<TestDatabase> {
  const made = await createTestDatabase();
  cleanups.push(() => made.drop());
  return made;
}

async function start(environment: ServerEnvironment): Promise<ServerProcess> {
  const server = await startServer(environment);
  cleanups.push(() => server.kill());
  return server;
}

async function dataDir(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'identity-session-start-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  // Root starts PostgreSQL as another user, who must be able to enter.
  await chmod(folder, 0o755);
  return join(folder, 'data');
}

describe('a start that cannot succeed', () => {
  it('names all that is wrong with the environment and starts nothing', async () => {
    const folder = await dataDir();
    const { code, output } = await startAndFail({
      DATA_DIR: folder,
      HTTP_ADAPTER: 'koa',
      SIGN_IN_LIMIT: 'many',
      CONCURRENT_LOGIN_STRATEGY: 'OnlyOne',
    });
    expect(code).toBe(1);
    expect(output.trim().split('\n')).toEqual([
      'The configuration is not valid:',
      expect.stringContaining('HTTP_ADAPTER'),
      expect.stringContaining('CONCURRENT_LOGIN_STRATEGY'),
      expect.stringContaining('SIGN_IN_LIMIT'),
    ]);
    expect(existsSync(folder)).toBe(false);
  });

  it('says which database cannot be used, without its password', async () => {
    const url = new URL((await database()).url);
    url.pathname = '/nowhere';
    const { code, output } = await startAndFail({ DATABASE_URL: url.href });
    expect(code).toBe(1);
    expect(output).toMatch(/^PostgreSQL at .*\/nowhere cannot be used: .*does not exist.*DATABASE_URL/);
    expect(output).not.toContain(url.password === '' ? 'Error:' : decodeURIComponent(url.password));
    expect(output.trim().split('\n')).toHaveLength(1);
  });

  it('says that the port is in use', async () => {
    const { url } = await database();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => other.close(resolve)));
    const port = String((other.address() as { port: number }).port);
    const { code, output } = await startAndFail({ DATABASE_URL: url, PORT: port, ...ADMIN });
    expect(code).toBe(1);
    expect(output).toBe(`Port ${port} on 127.0.0.1 is in use. Stop what uses it, or set PORT to another one.\n`);
  });
});

describe('a start', () => {
  it('tells a newcomer what to do, and the made-up password only once', async () => {
    const { url } = await database();
    const first = await start({ DATABASE_URL: url });
    const [, email, password] = /Administrator: (\S+)\nPassword: (\S+) /.exec(first.output()) ?? [];
    expect(first.output().match(/^ {2}curl /gm)).toHaveLength(3);
    expect(await new HttpClient(first.url).signIn(email ?? '', password ?? '')).toMatchObject({ status: 200 });
    expect(await first.stop()).toBe(0);

    const second = await start({ DATABASE_URL: url });
    expect(second.output()).toContain('Administrator: admin@example.com\n');
    expect(second.output()).not.toMatch(/^Password/m);
    expect(await new HttpClient(second.url).signIn(email ?? '', password ?? '')).toMatchObject({ status: 200 });
  });

  it('leaves an existing account alone', async () => {
    const { url } = await database();
    expect(await (await start({ DATABASE_URL: url, ...ADMIN })).stop()).toBe(0);
    const again = await start({ DATABASE_URL: url, ...ADMIN, ADMIN_PASSWORD: 'another password' });
    const client = new HttpClient(again.url);
    expect(await client.signIn(ADMIN.ADMIN_EMAIL, 'another password')).toMatchObject({ status: 401 });
    expect(await client.signIn(ADMIN.ADMIN_EMAIL, ADMIN.ADMIN_PASSWORD)).toMatchObject({ status: 200 });
  });

  it('of three nodes at once on an empty database makes one administrator, and each knows the sessions of the others', async () => {
    const { url } = await database();
    const nodes = await Promise.all(
      ['express', 'fastify', 'express'].map((HTTP_ADAPTER) => start({ DATABASE_URL: url, HTTP_ADAPTER })),
    );
    const printed = nodes.flatMap((node) => /^Password: (\S+)/m.exec(node.output())?.[1] ?? []);
    expect(printed).toHaveLength(1);
    const direct = new pg.Client({ connectionString: url });
    await direct.connect();
    expect((await direct.query(`SELECT role FROM account`)).rows).toEqual([{ role: 'admin' }]);
    await direct.end();

    const client = new HttpClient(nodes[0]!.url);
    await client.signIn('admin@example.com', printed[0] ?? '', { transport: 'bearer' });
    for (const node of nodes) {
      const answer = await fetch(`${node.url}/me`, { headers: { Authorization: `Bearer ${client.token}` } });
      expect(answer.status).toBe(200);
    }
  });

  it('[row 65] prints no password and no token of a session', async () => {
    const { url } = await database();
    const server = await start({ DATABASE_URL: url, ...ADMIN });
    const client = new HttpClient(server.url);
    await client.signIn(ADMIN.ADMIN_EMAIL, ADMIN.ADMIN_PASSWORD);
    await client.signIn(ADMIN.ADMIN_EMAIL, 'a wrong password');
    await client.post('/auth/password', { current: ADMIN.ADMIN_PASSWORD, next: 'the next password' });
    const { token } = client;
    await server.stop();
    for (const secret of [ADMIN.ADMIN_PASSWORD, 'a wrong password', 'the next password', token]) {
      expect(server.output()).not.toContain(secret);
    }
  });
});

describe('with an embedded PostgreSQL', () => {
  it('keeps its data, refuses a second process and tells it the URL to use, and stops what it started', async () => {
    const folder = await dataDir();
    const first = await start({ DATA_DIR: folder, ...ADMIN });
    expect(first.output()).toContain('PostgreSQL: embedded');

    const refused = await startAndFail({ DATA_DIR: folder });
    expect(refused.code).toBe(1);
    const [databaseUrl = ''] = /postgres(?:ql)?:\/\/\S+[^\s."']/.exec(refused.output) ?? [];
    expect(refused.output).not.toMatch(/^\s+at /m);
    const second = await start({ DATABASE_URL: databaseUrl });
    const client = new HttpClient(second.url);
    expect(await client.signIn(ADMIN.ADMIN_EMAIL, ADMIN.ADMIN_PASSWORD)).toMatchObject({ status: 200 });
    expect(await second.stop()).toBe(0);

    expect(await first.stop()).toBe(0);
    await expect(new pg.Client({ connectionString: databaseUrl }).connect()).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
    const third = await start({ DATA_DIR: folder });
    expect(await new HttpClient(third.url).signIn(ADMIN.ADMIN_EMAIL, ADMIN.ADMIN_PASSWORD)).toMatchObject({
      status: 200,
    });
    expect(await third.stop()).toBe(0);
  });
});

describe('a stop', () => {
  const signals = ['SIGTERM', 'SIGINT'] as const;

  it.each(signals)('by %s answers the requests that it has, closes idle connections and ends well', async (signal) => {
    const { url } = await database();
    const server = await start({ DATABASE_URL: url, ...ADMIN });
    const agent = new Agent({ keepAlive: true });
    const idleClosed = new Promise((resolve) => {
      get(`${server.url}/health`, { agent }, (answer) => {
        answer.socket.once('close', resolve);
        answer.resume();
      });
    });
    const inFlight = Promise.all(
      Array.from({ length: 10 }, () => new HttpClient(server.url).signIn(ADMIN.ADMIN_EMAIL, ADMIN.ADMIN_PASSWORD)),
    );
    await received(server);
    const begunAt = performance.now();
    process.kill(server.pid, signal);
    process.kill(server.pid, 'SIGINT');
    expect((await inFlight).map(({ status }) => status)).toEqual(Array<number>(10).fill(200));
    await idleClosed;
    expect(await server.exited).toBe(0);
    expect(performance.now() - begunAt).toBeLessThan(10_000);
  });

  it('does not wait for clients that never finish', async () => {
    const { url } = await database();
    const server = await start({ DATABASE_URL: url, ...ADMIN });
    const never = request(`${server.url}/auth/sign-in`, { method: 'POST', headers: { 'Content-Length': '50' } });
    const cutOff = new Promise((resolve) => never.on('error', resolve));
    never.setHeader('Content-Type', 'application/json');
    never.write('{"email":');
    await received(server);
    const begunAt = performance.now();
    expect(await server.stop()).toBe(0);
    expect(performance.now() - begunAt).toBeLessThan(10_000);
    await cutOff;
  });
});

/** Resolves when the server has begun with what was sent to it before: a later request has been answered. */
async function received(server: ServerProcess): Promise<void> {
  for (let round = 0; round < 3; round += 1) expect((await fetch(`${server.url}/health`)).status).toBe(200);
}
