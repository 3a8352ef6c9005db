import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { identify, isRunning } from './process-identity.js';
import { chooseServerUser } from './server-user.js';
import { query, Scratch, until } from './testing/scratch.js';

const scratch = new Scratch();
/** Making a cluster is what takes the time: specs that do not care about its beginning share one. */
let dataDir: string;
beforeAll(async () => {
  dataDir = await scratch.directory();
});
afterEach(() => scratch.stop());
afterAll(() => scratch.remove());

describe('when PostgreSQL is killed with -9', () => {
  it('recovers what was committed at the next start', async () => {
    const first = await scratch.start({ dataDir });
    await query(first.url, 'CREATE TABLE kept_by_recovery AS SELECT 42 AS id');
    process.kill(first.pid, 'SIGKILL');
    await first.stop();
    const second = await scratch.start({ dataDir });
    expect(second.adopted).toBe(false);
    expect(await query(second.url, 'SELECT id FROM kept_by_recovery')).toEqual([{ id: 42 }]);
  });

  it('waits for a backend of the killed server that is still at work', async () => {
    const first = await scratch.start({ dataDir });
    const client = new pg.Client({ connectionString: first.url });
    client.on('error', () => undefined);
    await client.connect();
    await client.query('CREATE TABLE seen ()');
    // Busy in the processor, so it does not notice that the postmaster is gone, and holds the shared memory: for a second
    // from when it was seen at work.
    const busy = client
      .query(
        `DO $$ DECLARE begun timestamptz;
         BEGIN
           WHILE NOT EXISTS (SELECT FROM seen) LOOP END LOOP;
           begun := clock_timestamp();
           WHILE clock_timestamp() < begun + interval '1 s' LOOP END LOOP;
         END $$`,
      )
      .catch(() => undefined);
    await until(async () => {
      const sql = `SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'DO %'`;
      return (await query(first.url, sql)).length === 1;
    });
    await query(first.url, 'INSERT INTO seen DEFAULT VALUES');
    process.kill(first.pid, 'SIGKILL');
    await first.stop();
    const second = await scratch.start({ dataDir });
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await busy;
  });
});

describe('when the owner process is killed with -9', () => {
  it('leaves the server running, and the next start adopts it and can stop it', async () => {
    const owner = scratch.owner({ dataDir });
    const { started } = await owner.report();
    await query(started!.url, 'CREATE TABLE item AS SELECT 42 AS id');
    await owner.kill();

    const server = await scratch.start({ dataDir });
    expect(server).toMatchObject({ ...started, adopted: true });
    expect(await query(server.url, 'SELECT id FROM item')).toEqual([{ id: 42 }]);
    await server.stop();
    expect(identify(server.pid)).toBeUndefined();
  });

  it('replaces the server when another port is asked for', async () => {
    const spare = await scratch.start({ dataDir: await scratch.directory() });
    await spare.stop();
    const owner = scratch.owner({ dataDir });
    const { started } = await owner.report();
    await owner.kill();

    const server = await scratch.start({ dataDir, port: spare.port });
    expect(server).toMatchObject({ port: spare.port, adopted: false });
    expect(identify(started!.pid)).toBeUndefined();
  });

  it('makes a whole cluster at the next start although initdb was in the middle of its work', async () => {
    const dataDir = await scratch.directory();
    const owner = scratch.owner({ dataDir });
    const ended = owner.report().catch(() => undefined);
    await until(async () => (await halfMade(dataDir)).includes('PG_VERSION'));
    await owner.kill();
    await ended;

    const server = await scratch.start({ dataDir });
    expect(server.adopted).toBe(false);
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('sweeps away clusters that were never finished', async () => {
    const dataDir = await scratch.directory();
    const remains = join(dataDir, 'cluster.initdb-0');
    await mkdir(join(remains, 'base'), { recursive: true });
    await writeFile(join(remains, 'PG_VERSION'), '18\n');
    await scratch.start({ dataDir });
    await expect(stat(remains)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('when postmaster.pid names a process', () => {
  it('starts although the pid belongs to another program of the same user now', async () => {
    const server = await scratch.start({ dataDir });
    const file = join(dataDir, 'cluster', 'postmaster.pid');
    const text = await readFile(file, 'utf8');
    await server.stop();

    const user = await chooseServerUser(join(dataDir, 'cluster'));
    const stranger = spawn('sleep', ['60'], { ...(user && { uid: user.uid, gid: user.gid }) });
    await once(stranger, 'spawn');
    try {
      await writeFile(file, text.replace(String(server.pid), String(stranger.pid)));
      const next = await scratch.start({ dataDir });
      expect(next.adopted).toBe(false);
      expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
      await next.stop();
    } finally {
      stranger.kill();
    }
  });

  it('starts although the pid is that of nobody', async () => {
    const server = await scratch.start({ dataDir });
    const file = join(dataDir, 'cluster', 'postmaster.pid');
    const text = await readFile(file, 'utf8');
    await server.stop();
    await writeFile(file, text);
    expect(await scratch.start({ dataDir })).toMatchObject({ adopted: false, port: server.port });
  });
});

describe('a second process on the same data directory', () => {
  it('is refused and told the DATABASE_URL that works', async () => {
    const owner = scratch.owner({ dataDir });
    const { started } = await owner.report();
    const refused = scratch.start({ dataDir });
    await expect(refused).rejects.toMatchObject({
      code: 'ALREADY_RUNNING',
      message:
        `another process (pid ${owner.pid}) is running the embedded PostgreSQL in ${dataDir}; ` +
        `to run a second node set DATABASE_URL=${started!.url}`,
      details: { ownerPid: owner.pid, url: started!.url },
    });
    expect(await query(started!.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('is refused also while the first is still making its cluster', async () => {
    const dataDir = await scratch.directory();
    const begunAt = performance.now();
    const reports = await Promise.all([1, 2, 3, 4].map(() => scratch.owner({ dataDir }).report()));
    const winners = reports.flatMap(({ started }) => started ?? []);
    const losers = reports.flatMap(({ failed }) => failed ?? []);
    expect(winners).toHaveLength(1);
    expect(losers).toHaveLength(3);
    // Nobody waits for the address for longer than ten seconds, in which any machine but the busiest makes a cluster.
    const details = performance.now() - begunAt < 10_000 ? { url: winners[0]!.url } : {};
    for (const loser of losers) expect(loser).toMatchObject({ code: 'ALREADY_RUNNING', details });
  });

  it('adopts alone when several come at once after the owner was killed', async () => {
    const owner = scratch.owner({ dataDir });
    const { started } = await owner.report();
    await owner.kill();
    const reports = await Promise.all([1, 2, 3, 4].map(() => scratch.owner({ dataDir }).report()));
    expect(reports.flatMap((report) => report.started ?? [])).toEqual([{ ...started, adopted: true }]);
    expect(reports.filter(({ failed }) => failed?.code === 'ALREADY_RUNNING')).toHaveLength(3);
  });

  it('is refused within one process too', async () => {
    await scratch.start({ dataDir });
    await expect(scratch.start({ dataDir })).rejects.toMatchObject({
      code: 'ALREADY_RUNNING',
      details: { ownerPid: process.pid },
    });
  });
});

describe('Ctrl-C in the terminal', () => {
  it('reaches the application but not PostgreSQL, which answers until the application stops it', async () => {
    const owner = scratch.owner({ dataDir });
    const { started } = await owner.report();
    const postgres = identify(started!.pid)!;
    owner.pressCtrlC();
    expect(await owner.report()).toEqual({ interrupted: { answer: 42 } });
    await owner.exited;
    expect(isRunning(postgres)).toBe(false);
    await expect(stat(join(dataDir, 'owner'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

/** The names in the cluster that initdb is making, none while there is none. */
async function halfMade(dataDir: string): Promise<string[]> {
  const name = (await readdir(dataDir)).find((entry) => entry.startsWith('cluster.initdb-'));
  return name === undefined ? [] : readdir(join(dataDir, name)).catch(() => []);
}
