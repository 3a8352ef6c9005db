import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hash } from '@node-rs/argon2';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { IN_FULL } from '../support/in-full.js';
import { type ServerProcess, startServer } from '../support/server.js';

const SIGN_INS = 200;
const ADMIN = { ADMIN_EMAIL: 'root@example.com', ADMIN_PASSWORD: 'correct horse battery' };
const PASSWORD = 'correct horse battery';
const MOST_TRIES = 5;
/** What is verified tells its cost: a cheap hash, so that sign-ins race for the limit and do not queue for the hasher. */
const CHEAP = { memoryCost: 8, timeCost: 1, parallelism: 1 };

interface Expected {
  readonly strategy: string;
  /** Only where the preset has one. */
  readonly limit?: number;
  /** The most that may live at any moment, and how many live at the end. */
  readonly most: number;
  readonly end: number;
}

const PRESETS: readonly Expected[] = [
  { strategy: 'LogoutFromSameTypeDevicesLimit', limit: 3, most: 3, end: 3 },
  { strategy: 'LogoutFromSameTypeDevices', most: 1, end: 1 },
  { strategy: 'LogoutFromAllDevices', most: 1, end: 1 },
  { strategy: 'RejectNew', limit: 5, most: 5, end: 5 },
  { strategy: 'Unlimited', most: SIGN_INS, end: SIGN_INS },
];

/** Looks at the table as fast as it can and remembers the most live sessions that it ever saw. */
class Watcher {
  most = 0;
  looks = 0;
  #stop = false;
  #done: Promise<void> = Promise.resolve();

  constructor(
    private readonly client: pg.Client,
    private readonly userId: string,
  ) {}

  start(): this {
    this.#done = this.#watch();
    return this;
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await this.#done;
  }

  async #watch(): Promise<void> {
    while (!this.#stop) {
      this.most = Math.max(this.most, await live(this.client, this.userId));
      this.looks += 1;
    }
  }
}

async function live(client: pg.Client, userId: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM identity_session
     WHERE user_id = $1 AND status IN ('pending', 'active', 'suspended')`,
    [userId],
  );
  return rows[0]?.count ?? -1;
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, never>;
}

async function send(method: string, url: string, path: string, body: object, token?: string): Promise<Answer> {
  const answer = await fetch(url + path, {
    method,
    headers: {
      'Content-Type': 'application/json',
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, never> };
}

const post = (url: string, path: string, body: object): Promise<Answer> => send('POST', url, path, body);

/** Once more where a busy machine had no time for it: what was answered 503 has not happened. */
async function signIn(url: string, email: string): Promise<Answer> {
  const body = { email, password: PASSWORD, deviceType: 'web', transport: 'bearer' };
  for (let tries = 1; ; tries += 1) {
    const answer = await post(url, '/auth/sign-in', body);
    if (answer.status !== 503 || tries === MOST_TRIES) return answer;
  }
}

const LEVELS = ['read committed', ...(IN_FULL ? ['repeatable read', 'serializable'] : [])];

describe.each(LEVELS)('[rows 34, 35] two nodes on a database whose default is %s', (isolation) => {
  let database: TestDatabase;
  let client: pg.Client;
  let nodes: ServerProcess[];
  let admin: string;
  let version = 0;

  beforeAll(async () => {
    database = await createTestDatabase({ settings: { default_transaction_isolation: isolation } });
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    nodes = await startNodes(database.url);
    const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password } = ADMIN;
    admin = (await post(nodes[0]!.url, '/auth/sign-in', { email, password, transport: 'bearer' })).body['token']!;
  });

  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await client.end();
    await database.drop();
  });

  it.each(PRESETS)(
    `$strategy: ${SIGN_INS} sign-ins at once never exceed $most, and end with $end`,
    async ({ strategy, limit, most, end }) => {
      const settings = { strategy, ...(limit === undefined ? {} : { limit }) };
      const change = { version, settings, reason: 'test' };
      const changed = await send('PUT', nodes[0]!.url, '/admin/settings', change, admin);
      expect(changed).toMatchObject({ status: 200, body: { version: (version += 1) } });

      const email = `${randomBytes(6).toString('hex')}@example.com`;
      const { userId } = (await post(nodes[0]!.url, '/auth/sign-up', { email, password: PASSWORD })).body;
      const cheap = await hash(PASSWORD, CHEAP);
      await client.query('UPDATE account SET password_hash = $1 WHERE email = $2', [cheap, email]);
      const watcher = new Watcher(client, userId!).start();
      const answers = await Promise.all(
        Array.from({ length: SIGN_INS }, (_, n) => signIn(nodes[n % nodes.length]!.url, email)),
      );
      await watcher.stop();

      expect(watcher.looks).toBeGreaterThan(20);
      expect(watcher.most).toBeLessThanOrEqual(most);
      expect(await live(client, userId!)).toBe(end);
      const admitted = answers.filter((answer) => answer.status === 200);
      const rejected = answers.filter((answer) => answer.status === 409);
      const others = answers.filter((answer) => answer.status !== 200 && answer.status !== 409);
      expect(others).toEqual([]);
      expect(rejected).toHaveLength(strategy === 'RejectNew' ? SIGN_INS - end : 0);

      const { rows } = await client.query<{ id: string; status: string }>(
        'SELECT id, status FROM identity_session WHERE user_id = $1 ORDER BY created_at DESC, sequence DESC LIMIT 1',
        [userId],
      );
      expect(rows[0]?.status).toBe('active');
      await everyTokenIsAnsweredByItsRow(client, nodes, admitted as unknown as Admitted[]);
    },
    90_000,
  );
});

interface Admitted {
  readonly body: { readonly token: string; readonly session: { readonly id: string } };
}

/** What the table says of a session, either node says to its token. */
async function everyTokenIsAnsweredByItsRow(
  client: pg.Client,
  nodes: readonly ServerProcess[],
  admitted: readonly Admitted[],
): Promise<void> {
  const { rows } = await client.query<{ id: string; status: string }>('SELECT id, status FROM identity_session');
  const statusOf = new Map(rows.map((row) => [row.id, row.status]));
  const wrong = await Promise.all(
    admitted.map(async ({ body: { token, session } }, n) => {
      const answer = await fetch(`${nodes[n % nodes.length]!.url}/me`, {
        headers: { Authorization: `Bearer ${token}` },
      });
      const expected = statusOf.get(session.id) === 'active' ? 200 : 401;
      return answer.status === expected ? [] : [{ id: session.id, answered: answer.status, expected }];
    }),
  );
  expect(wrong.flat()).toEqual([]);
}

/** Memory is trusted for a moment only: what the other node ended must show while the change log is not read yet. */
function startNodes(url: string): Promise<ServerProcess[]> {
  return Promise.all(
    ['a', 'b'].map((name) =>
      startServer({ ...ADMIN, DATABASE_URL: url, NODE_NAME: name, SESSION_MAX_STALENESS_MS: '1' }),
    ),
  );
}
