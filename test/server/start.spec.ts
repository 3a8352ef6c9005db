import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { Agent, type ClientRequest, get, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { describeStartError } from '../../apps/server/src/start/describe-start-error.js';
import type { RunningServer } from '../../apps/server/src/start/start-server.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import {
  startAndFail,
  startInProcess,
  startServer,
  type ServerEnvironment,
  type ServerProcess,
} from '../support/server.js';
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

/** In this process, where what the process prints and how it ends is no matter. */
async function startHere(environment: ServerEnvironment): Promise<RunningServer> {
  const server = await startInProcess(environment);
  cleanups.push(() => server.stop());
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
    const output = await startInProcess({ DATABASE_URL: url.href }).then(() => 'It has started.', describeStartError);
    expect(output).toMatch(/^PostgreSQL at .*\/nowhere cannot be used: .*does not exist.*DATABASE_URL/);
    expect(output).not.toContain(url.password === '' ? 'Error:' : decodeURIComponent(url.password));
    expect(output.split('\n')).toHaveLength(1);
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
  it('tells a newcomer what to do, and the made-up password only once, and leaves an existing account alone', async () => {
    const { url } = await database();
    const first = await start({ DATABASE_URL: url });
    const [, email, password] = /Administrator: (\S+)\nPassword: (\S+) /.exec(first.output()) ?? [];
    expect(first.output().match(/^ {2}curl /gm)).toHaveLength(3);
    expect(await new HttpClient(first.url).signIn(email ?? '', password ?? '')).toMatchObject({ status: 200 });
    expect(await first.stop()).toBe(0);

    const second = await start({ DATABASE_URL: url, ADMIN_PASSWORD: 'another password' });
    expect(second.output()).toContain('Administrator: admin@example.com\nADMIN_PASSWORD was not used');
    expect(second.output()).not.toMatch(/^Password/m);
    const client = new HttpClient(second.url);
    expect(await client.signIn(email ?? '', 'another password')).toMatchObject({ status: 401 });
    expect(await client.signIn(email ?? '', password ?? '')).toMatchObject({ status: 200 });

    const third = await startHere({ DATABASE_URL: url });
    expect(third.administrator).toEqual({ email, isNew: false, madeUpPassword: null });
    expect(await new HttpClient(third.url).signIn(email ?? '', password ?? '')).toMatchObject({ status: 200 });
  });

  it('of three nodes at once on an empty database makes one administrator, and each knows the sessions of the others', async () => {
    const { url } = await database();
    const [here, ...processes] = await Promise.all([
      startHere({ DATABASE_URL: url }),
      ...['express', 'fastify'].map((HTTP_ADAPTER) => start({ DATABASE_URL: url, HTTP_ADAPTER })),
    ]);
    const nodes = [here, ...processes];
    const printed = processes.flatMap((node) => /^Password: (\S+)/m.exec(node.output())?.[1] ?? []);
    if (here.administrator.madeUpPassword !== null) printed.push(here.administrator.madeUpPassword);
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
    const second = await startHere({ DATABASE_URL: databaseUrl });
    const client = new HttpClient(second.url);
    expect(await client.signIn(ADMIN.ADMIN_EMAIL, ADMIN.ADMIN_PASSWORD)).toMatchObject({ status: 200 });
    await second.stop();

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

  it.each(signals)(
    '[row 65] by %s answers the requests that it has, closes idle connections and ends well, with no secret printed',
    async (signal) => {
      const { url } = await database();
      const server = await start({ DATABASE_URL: url, ...ADMIN });
      const client = new HttpClient(server.url);
      await client.signIn(ADMIN.ADMIN_EMAIL, ADMIN.ADMIN_PASSWORD);
      await client.signIn(ADMIN.ADMIN_EMAIL, 'a wrong password');
      await client.post('/auth/password', { current: ADMIN.ADMIN_PASSWORD, next: 'the next password' });
      const agent = new Agent({ keepAlive: true });
      const idleClosed = new Promise((resolve) => {
        get(`${server.url}/health`, { agent }, (answer) => {
          answer.socket.once('close', resolve);
          answer.resume();
        });
      });
      const credentials = JSON.stringify({ email: ADMIN.ADMIN_EMAIL, password: 'the next password' });
      const begun = await Promise.all(Array.from({ length: 10 }, () => begin(server)));
      const inFlight = Promise.all(begun.map((signIn) => statusOf(signIn.end(credentials))));
      const begunAt = performance.now();
      process.kill(server.pid, signal);
      process.kill(server.pid, 'SIGINT');
      expect(await inFlight).toEqual(Array<number>(10).fill(200));
      await idleClosed;
      expect(await server.exited).toBe(0);
      expect(performance.now() - begunAt).toBeLessThan(10_000);
      for (const secret of [ADMIN.ADMIN_PASSWORD, 'a wrong password', 'the next password', client.token]) {
        expect(server.output()).not.toContain(secret);
      }
    },
  );

  it('does not wait for clients that never finish', async () => {
    const { url } = await database();
    const server = await startInProcess({ DATABASE_URL: url, ...ADMIN });
    const never = await begin(server);
    const cutOff = new Promise((resolve) => never.on('error', resolve));
    never.write('{"email":');
    const begunAt = performance.now();
    await server.stop();
    expect(performance.now() - begunAt).toBeLessThan(10_000);
    await cutOff;
  });
});

/** A sign-in that the server has begun with, and whose body is still to come. */
function begin({ url }: { readonly url: string }): Promise<ClientRequest> {
  const headers = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked', Expect: '100-continue' };
  const signIn = request(`${url}/auth/sign-in`, { method: 'POST', headers });
  return new Promise((resolve, reject) => {
    signIn.once('error', reject).once('continue', () => {
      resolve(signIn.off('error', reject));
    });
    signIn.flushHeaders();
  });
}

function statusOf(sent: ClientRequest): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    sent.once('error', reject).once('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
  });
}
