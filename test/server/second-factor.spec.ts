import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type ServerProcess, startInProcess, startServer } from '../support/server.js';
import { ADMIN, accountServer, PASSWORD, type SignedInAccount } from './support/account-server.js';
import { Authenticator } from './support/authenticator.js';
import { HttpClient } from './support/http-client.js';

const FACTOR = '/me/factors/totp';
const KEYS = { old: `k1:${'ab'.repeat(32)}`, new: `k2:${'cd'.repeat(32)}` };

/** Gives an account a second factor. */
async function enrol(client: HttpClient): Promise<{ authenticator: Authenticator; secret: string }> {
  const { status, body } = await client.post(FACTOR);
  expect(status).toBe(201);
  const secret = body.secret as string;
  const authenticator = new Authenticator(secret);
  const confirmed = await client.post(`${FACTOR}/confirm`, { code: await authenticator.next() });
  expect(confirmed).toMatchObject({ status: 200, body: { session: { status: 'active', assurance: 'aal2' } } });
  return { authenticator, secret };
}

describe.each(['express', 'fastify'])('a second factor on %s', (adapter) => {
  const { administrator, client, made, signedUp } = accountServer(adapter);

  async function enrolled(more?: object): Promise<SignedInAccount & { authenticator: Authenticator }> {
    const account = await signedUp(more);
    return { ...account, ...(await enrol(account.client)) };
  }

  it('is enrolled with a secret that is told once and counts when a code is confirmed', async () => {
    const { email, client: browser } = await signedUp();
    const { status, body, headers } = await browser.post(FACTOR);
    expect(status).toBe(201);
    expect(Object.keys(body as object).sort()).toEqual(['secret', 'uri']);
    expect(body.secret).toMatch(/^[A-Z2-7]{32}$/);
    expect(new URL(body.uri as string).searchParams.get('secret')).toBe(body.secret);
    expect(body.uri).toContain(encodeURIComponent(email));
    expect(headers.get('cache-control')).toBe('no-store');
    expect(await browser.get('/me/account')).toMatchObject({ body: { email, role: 'user', factors: [] } });
    // What nobody has confirmed locks nobody out.
    expect((await client().signIn(email, PASSWORD)).body).toMatchObject({ session: { status: 'active' } });
  });

  it('[row 7] [row 27] rotates the session that enrols, at aal2, and ends the others', async () => {
    const { email, client: browser } = await signedUp();
    const other = client();
    await other.signIn(email, PASSWORD, { transport: 'bearer' });
    const before = browser.copy();
    await enrol(browser);
    expect(await before.get('/me')).toMatchObject({ status: 401, body: { code: 'SESSION_INVALID' } });
    expect(await other.get('/me')).toMatchObject({ status: 401, body: { code: 'SESSION_REVOKED' } });
    expect(await browser.get('/me/account')).toMatchObject({ status: 200, body: { factors: ['totp'] } });
    expect(await browser.post(FACTOR)).toMatchObject({ status: 400, body: { errors: [{ field: 'totp' }] } });
  });

  it('gives a bearer client its new token', async () => {
    const { client: application } = await signedUp({ transport: 'bearer' });
    const { body } = await application.post(FACTOR);
    const code = await new Authenticator(body.secret as string).next();
    const confirmed = await application.post(`${FACTOR}/confirm`, { code });
    expect(confirmed.body.token).toBe(confirmed.headers.get('session-token'));
    expect(await application.get('/me')).toMatchObject({ status: 200 });
  });

  it.each(['cookie', 'bearer'])(
    '[row 10] leaves a sign-in by %s pending until a code is taken, and rotates it then',
    async (transport) => {
      const { email, authenticator } = await enrolled();
      const somebody = client();
      const answer = await somebody.signIn(email, PASSWORD, { transport });
      expect(answer).toMatchObject({
        status: 200,
        body: { session: { status: 'pending', assurance: 'aal1' }, evicted: [], missing: ['totp'] },
      });
      const waiting = somebody.copy();
      for (const path of ['/me', '/me/account', '/sessions', '/sessions/current']) {
        expect(await somebody.get(path)).toMatchObject({
          status: 401,
          body: { code: 'SESSION_PENDING', requirements: ['totp'] },
        });
      }
      expect(await somebody.send('DELETE', FACTOR)).toMatchObject({ status: 401, body: { code: 'SESSION_PENDING' } });
      expect(await somebody.post('/auth/complete', {})).toMatchObject({
        status: 400,
        body: { code: 'VALIDATION_FAILED' },
      });
      expect(await somebody.post('/auth/complete', { code: authenticator.wrong() })).toMatchObject({
        status: 401,
        body: { code: 'BAD_CREDENTIALS' },
      });
      const completed = await somebody.post('/auth/complete', { code: await authenticator.next() });
      expect(completed).toMatchObject({ status: 200, body: { session: { status: 'active', assurance: 'aal2' } } });
      expect(completed.body).not.toHaveProperty('missing');
      expect(completed.body.token ?? null).toBe(completed.headers.get('session-token'));
      expect(await somebody.get('/me')).toMatchObject({ status: 200 });
      expect(await waiting.get('/me')).toMatchObject({ status: 401, body: { code: 'SESSION_INVALID' } });
      expect(await somebody.post('/auth/complete', {})).toMatchObject({
        status: 409,
        body: { code: 'ILLEGAL_TRANSITION' },
      });
    },
  );

  it('takes no code twice, nor one of an earlier time', async () => {
    const { email, authenticator } = await enrolled();
    const earlier = await authenticator.next();
    const later = await authenticator.next();
    const [first, second] = [client(), client()];
    await first.signIn(email, PASSWORD);
    await second.signIn(email, PASSWORD);
    expect(await first.post('/auth/complete', { code: later })).toMatchObject({ status: 200 });
    for (const code of [later, earlier]) {
      expect(await second.post('/auth/complete', { code })).toMatchObject({
        status: 401,
        body: { code: 'BAD_CREDENTIALS' },
      });
    }
  });

  it('bounds wrong codes by account, over all sign-ins of it', async () => {
    const { email, authenticator } = await enrolled();
    for (let attempt = 0; attempt < 10; attempt += 5) {
      const guesser = client();
      await guesser.signIn(email, PASSWORD);
      for (let guess = 0; guess < 5; guess += 1) {
        const answer = await guesser.post('/auth/complete', { code: authenticator.wrong() });
        expect(answer.status).toBe(401);
        expect(answer.headers.get('ratelimit')).toContain(`r=${9 - attempt - guess};`);
      }
    }
    const owner = client();
    expect(await owner.signIn(email, PASSWORD)).toMatchObject({ status: 200 });
    const spent = await owner.post('/auth/complete', { code: await authenticator.next() });
    expect(spent).toMatchObject({ status: 429, body: { code: 'TOO_MANY_REQUESTS' } });
    expect(Number(spent.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('is removed by a session that has proved it; then the password does', async () => {
    const { email, client: browser, authenticator } = await enrolled();
    const other = client();
    await other.signIn(email, PASSWORD);
    await other.post('/auth/complete', { code: await authenticator.next() });
    const before = browser.copy();
    expect(await browser.send('DELETE', FACTOR)).toMatchObject({ status: 204 });
    expect(await before.get('/me')).toMatchObject({ status: 401 });
    expect(await other.get('/me')).toMatchObject({ status: 401, body: { code: 'SESSION_REVOKED' } });
    expect(await browser.get('/sessions/current')).toMatchObject({ status: 200, body: { assurance: 'aal1' } });
    expect(await browser.send('DELETE', FACTOR)).toMatchObject({ status: 404 });
    expect((await client().signIn(email, PASSWORD)).body).toMatchObject({ session: { status: 'active' } });
  });

  it('is taken from somebody who has lost it by an administrator alone', async () => {
    const { userId, email, client: browser } = await enrolled();
    const admin = await administrator();
    const path = `/admin/accounts/${userId}/factors/totp`;
    expect(await browser.send('DELETE', path)).toMatchObject({ status: 403 });
    const { client: stranger } = await made('tenant-admin', `tenant-${adapter}`);
    expect(await stranger.send('DELETE', path)).toMatchObject({ status: 404 });
    expect(await admin.send('DELETE', path)).toMatchObject({ status: 204 });
    expect(await admin.send('DELETE', path)).toMatchObject({ status: 404 });
    expect(await browser.get('/me')).toMatchObject({ status: 401, body: { code: 'SESSION_REVOKED' } });
    expect((await client().signIn(email, PASSWORD)).body).toMatchObject({ session: { status: 'active' } });
  });

  it('takes six digits and nothing else', async () => {
    const { client: browser } = await signedUp();
    for (const code of ['12345', '1234567', '12345a', '１２３４５６', 123456, null, ['123456']]) {
      const answer = await browser.post(`${FACTOR}/confirm`, { code });
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ field: 'code' }] } });
    }
    expect(await browser.post(`${FACTOR}/confirm`, { code: '123456' })).toMatchObject({ status: 401 });
    expect(await browser.post(`${FACTOR}/confirm`, { code: '123456', userId: 'x' })).toMatchObject({ status: 400 });
  });
});

describe('a second factor on two processes', () => {
  let database: TestDatabase;
  let nodes: [ServerProcess, ServerProcess];
  let sql: pg.Client;

  const environment = () => ({
    DATABASE_URL: database.url,
    ADMIN_EMAIL: ADMIN.email,
    ADMIN_PASSWORD: ADMIN.password,
  });

  beforeAll(async () => {
    database = await createTestDatabase();
    sql = new pg.Client(database.url);
    await sql.connect();
    const start = () => startServer({ ...environment(), SESSION_TOKEN_KEYS: KEYS.old });
    nodes = await Promise.all([start(), start()]);
  });

  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await sql.end();
    await database.drop();
  });

  const client = (node: 0 | 1 = 0) => new HttpClient(nodes[node].url);

  async function somebody(email: string): Promise<HttpClient> {
    const made = client();
    await made.post('/auth/sign-up', { email, password: PASSWORD });
    await made.signIn(email, PASSWORD);
    return made;
  }

  it('takes one code once, however many nodes are given it at the same moment', async () => {
    const email = 'race@example.com';
    const { authenticator } = await enrol(await somebody(email));
    const tries = [0, 1, 0, 1] as const;
    for (let round = 0; round < 2; round += 1) {
      const clients = tries.map(client);
      for (const one of clients) expect(await one.signIn(email, PASSWORD)).toMatchObject({ status: 200 });
      const code = await authenticator.next();
      const answers = await Promise.all(clients.map((one) => one.post('/auth/complete', { code })));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
      const admitted = await Promise.all(clients.map(async (one) => (await one.get('/me')).status));
      expect(admitted.filter((status) => status === 200)).toHaveLength(1);
    }
  });

  it('lets no sign-in by the password alone survive an enrolment that it raced with', async () => {
    const email = 'enrols@example.com';
    const browser = await somebody(email);
    const { body } = await browser.post(FACTOR);
    const code = await new Authenticator(body.secret as string).next();
    const clients = Array.from({ length: 10 }, (_, index) => client((index % 2) as 0 | 1));
    const [confirmed] = await Promise.all([
      browser.post(`${FACTOR}/confirm`, { code }),
      ...clients.map((one) => one.signIn(email, PASSWORD)),
    ]);
    expect(confirmed).toMatchObject({ status: 200 });
    const admitted = await Promise.all(clients.map(async (one) => (await one.get('/me')).status));
    expect(new Set(admitted)).toEqual(new Set([401]));
  });

  it('[row 11] is changed only behind a recent sign-in, which a password alone is not for who has one', async () => {
    const [plain, enrolled] = [await somebody('plain@example.com'), await somebody('strong@example.com')];
    await enrol(enrolled);
    await sql.query(`UPDATE identity_session SET authenticated_at = authenticated_at - interval '11 minutes'`);
    // The other node has not seen them yet.
    for (const [one, changed] of [
      [plain.at(nodes[1].url), 201],
      [enrolled.at(nodes[1].url), 403],
    ] as const) {
      for (const [method, path, body] of [
        ['POST', FACTOR],
        ['POST', `${FACTOR}/confirm`, { code: '123456' }],
        ['DELETE', FACTOR],
      ] as const) {
        expect(await one.send(method, path, body)).toMatchObject({ status: 403, body: { code: 'SESSION_NOT_FRESH' } });
      }
      const password = { current: PASSWORD, next: 'another password' };
      expect(await one.post('/auth/password', password)).toMatchObject({ status: 200 });
      expect(await one.post(FACTOR)).toMatchObject({ status: changed });
    }
  });

  it('is not removed by a session that has not proved it', async () => {
    const browser = await somebody('weak@example.com');
    await enrol(browser);
    await sql.query(`UPDATE identity_session SET assurance = 'aal1'`);
    expect(await browser.at(nodes[1].url).send('DELETE', FACTOR)).toMatchObject({
      status: 403,
      body: { code: 'ASSURANCE_TOO_LOW' },
    });
    expect(await browser.get('/me/account')).toMatchObject({ body: { factors: ['totp'] } });
  });

  it('[row 65] keeps secrets and codes out of logs, events and, with token keys, the database', async () => {
    const email = 'canary@example.com';
    const { authenticator, secret } = await enrol(await somebody(email));
    const code = await authenticator.next();
    const signingIn = client(1);
    await signingIn.signIn(email, PASSWORD);
    expect(await signingIn.post('/auth/complete', { code })).toMatchObject({ status: 200 });
    const { rows } = await sql.query<{ table: string; content: string }>(
      `SELECT c.relname AS table, query_to_xml(format('SELECT * FROM %I', c.relname), true, false, '')::text AS content
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND n.nspname = 'public'`,
    );
    expect(rows.map(({ table }) => table)).toContain('totp_factor');
    const bytes = bytesOf(secret);
    const everything = [...rows.map(({ content }) => content), nodes[0].output(), nodes[1].output()].join('\n');
    for (const canary of [secret, bytes.toString('hex'), bytes.toString('base64')]) {
      expect(everything.toLowerCase()).not.toContain(canary.toLowerCase());
    }
    const events = await sql.query<{ content: string }>('SELECT e::text AS content FROM identity_session_event e');
    expect(events.rows.map(({ content }) => content).join('\n')).not.toContain(code);
  });

  it('goes on under a new key, and the old one is needed no more after a start with both', async () => {
    const email = 'rotates@example.com';
    const { authenticator } = await enrol(await somebody(email));
    const keyIds = async () =>
      (await sql.query<{ key_id: string | null }>('SELECT DISTINCT key_id FROM totp_factor')).rows.map(
        (row) => row.key_id,
      );
    expect(await keyIds()).toEqual(['k1']);
    await (await startInProcess({ ...environment(), SESSION_TOKEN_KEYS: `${KEYS.new},${KEYS.old}` })).stop();
    expect(await keyIds()).toEqual(['k2']);
    const server = await startInProcess({ ...environment(), SESSION_TOKEN_KEYS: KEYS.new });
    try {
      const signingIn = new HttpClient(server.url);
      await signingIn.signIn(email, PASSWORD);
      expect(await signingIn.post('/auth/complete', { code: await authenticator.next() })).toMatchObject({
        status: 200,
      });
      // Without the key nobody comes in, and nobody is told why.
      const other = client();
      await other.signIn(email, PASSWORD);
      const answer = await other.post('/auth/complete', { code: await authenticator.next() });
      expect(answer).toMatchObject({ status: 500, body: { code: 'CONFIGURATION_INVALID' } });
      expect(JSON.stringify(answer.body)).not.toContain('k2');
      expect(await other.get('/me')).toMatchObject({ status: 401, body: { code: 'SESSION_PENDING' } });
    } finally {
      await server.stop();
    }
  });
});

/** Of Base32. */
function bytesOf(secret: string): Buffer {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = Array.from(secret, (letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
