import { afterAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { createTestDatabase, ensureTemplate, type TestDatabase } from './database.js';

const made: TestDatabase[] = [];

async function create(...args: Parameters<typeof createTestDatabase>): Promise<TestDatabase> {
  const database = await createTestDatabase(...args);
  made.push(database);
  return database;
}

async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

const uniqueName = (): string => randomBytes(4).toString('hex');

afterAll(async () => {
  await Promise.all(made.map((database) => database.drop()));
});

describe('createTestDatabase', () => {
  it('gives each caller an empty database of its own', async () => {
    const [one, two] = await Promise.all([create(), create()]);
    await query(one.url, 'CREATE TABLE thing ()');
    expect(one.name).not.toBe(two.name);
    expect(await query(two.url, `SELECT 1 FROM pg_tables WHERE tablename = 'thing'`)).toEqual([]);
  });

  it('applies the settings to every connection', async () => {
    const { url } = await create({
      settings: { default_transaction_isolation: 'repeatable read', 'app.name': "it's" },
    });
    expect(await query(url, `SELECT current_setting('app.name') AS name`)).toEqual([{ name: "it's" }]);
    expect(await query(url, 'SHOW transaction_isolation')).toEqual([{ transaction_isolation: 'repeatable read' }]);
  });

  it('drops the database although somebody is still connected, and does nothing the second time', async () => {
    const database = await create();
    const client = new pg.Client({ connectionString: database.url });
    const cut = new Promise((resolve) => client.on('error', resolve));
    await client.connect();
    await database.drop();
    await expect(cut).resolves.toBeInstanceOf(Error);
    await database.drop();
    await expect(query(database.url, 'SELECT 1')).rejects.toMatchObject({ code: '3D000' });
  });
});

describe('ensureTemplate', () => {
  it('prepares once however many ask at the same time, and its copies hold what was prepared', async () => {
    const name = uniqueName();
    let prepared = 0;
    const ask = (): Promise<string> =>
      ensureTemplate(name, async (url) => {
        prepared++;
        await query(url, 'CREATE TABLE seed AS SELECT 42 AS answer');
      });
    const names = await Promise.all([ask(), ask(), ask(), ask()]);
    expect(new Set(names).size).toBe(1);
    expect(prepared).toBe(1);

    const copies = await Promise.all([1, 2, 3].map(() => create({ template: names[0] })));
    for (const { url } of copies) expect(await query(url, 'SELECT answer FROM seed')).toEqual([{ answer: 42 }]);
  });

  it('leaves nothing behind when the preparation fails, and the next caller prepares anew', async () => {
    const name = uniqueName();
    const failure = new Error('migration failed');
    await expect(ensureTemplate(name, () => Promise.reject(failure))).rejects.toBe(failure);

    const template = await ensureTemplate(name, async (url) => {
      await query(url, 'CREATE TABLE seed ()');
    });
    const { url } = await create({ template });
    expect(await query(url, `SELECT 1 AS found FROM pg_tables WHERE tablename = 'seed'`)).toEqual([{ found: 1 }]);
  });

  it('waits for a connection that the preparation has not closed yet', async () => {
    let lingering: Promise<void> | undefined;
    const template = await ensureTemplate(uniqueName(), async (url) => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      lingering = client.query('SELECT pg_sleep(0.2)').then(() => client.end());
    });
    await lingering;
    await expect(create({ template })).resolves.toHaveProperty('url');
  });
});
