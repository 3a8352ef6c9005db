import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { Client, presenting, send, signedIn } from './support/client.js';
import { expectProblem } from './support/expectations.js';
import { checksum, ofSessions, sql } from './support/rows.js';

const inventedToken = (mac = ''): string => `ids_${randomUUID()}.0.${randomBytes(32).toString('base64url')}${mac}`;

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;

  beforeAll(async () => {
    node = await startTestApp({ adapter });
  });
  afterAll(() => node.close());

  const browserWith = (token: string): Client => {
    const client = new Client(node.url);
    client.cookie = `session=${token}`;
    return client;
  };

  it('[row 5] an unknown token gets 401 and creates nothing', async () => {
    const before = await checksum(node);
    for (const client of [presenting(node, inventedToken()), browserWith(inventedToken())]) {
      const answer = await client.me();
      expectProblem(answer, 'SESSION_INVALID');
      expect(answer.setCookies).toEqual([]);
    }
    expect(await checksum(node)).toBe(before);
  });

  it('[row 5] a planted token is never adopted: the sign-in over it makes a new one, and the planted one stays dead', async () => {
    const planted = inventedToken();
    const victim = browserWith(planted);
    const answer = await victim.signIn({ userId: 'victim' });
    expect(answer.status).toBe(201);
    expect(victim.token).not.toBe(planted);
    expect(victim.sessionId).not.toBe(planted.slice(4, 40));
    expectProblem(await presenting(node, planted).me(), 'SESSION_INVALID');
    expect(await victim.alive()).toBe(200);
  });

  it('[row 6] signing in over a session ends it: its token is dead, the new one lives', async () => {
    const browser = await signedIn(node, { userId: 'twice' });
    const old = browser.token;
    const first = browser.sessionId;
    expect((await browser.signIn({ userId: 'twice' })).status).toBe(201);
    expectProblem(await presenting(node, old).me(), 'SESSION_SIGNED_OUT');
    expect(await browser.alive()).toBe(200);
    const [row] = await sql(node, 'SELECT status, end_reason FROM identity_session WHERE id = $1', [first]);
    expect(row).toEqual({ status: 'signed_out', end_reason: 'replaced' });
  });

  it('[row 6] another user over the same cookie ends the session of the first', async () => {
    const browser = await signedIn(node, { userId: 'first-user' });
    const old = browser.token;
    await browser.signIn({ userId: 'second-user', tenantId: 'another-tenant' });
    expectProblem(await presenting(node, old).me(), 'SESSION_SIGNED_OUT');
    expect((await browser.me()).body.userId).toBe('second-user');
  });

  it('[row 6] a bearer client that signs in again ends its session too', async () => {
    const client = await signedIn(node, { userId: 'application', transport: 'bearer' });
    const old = client.token;
    await client.signIn({ userId: 'application', transport: 'bearer' });
    expectProblem(await presenting(node, old).me(), 'SESSION_SIGNED_OUT');
    expect(await client.alive()).toBe(200);
  });

  it('[row 6] a sign-in with a forged token of a session, without its secret, does not end it', async () => {
    const victim = await signedIn(node, { userId: 'target' });
    const attacker = browserWith(`ids_${victim.sessionId}.0.${randomBytes(32).toString('base64url')}`);
    await attacker.signIn({ userId: 'attacker' });
    expect(await victim.alive()).toBe(200);
  });

  it('[row 9] a token in query, path, body or another header is ignored', async () => {
    const { token } = await signedIn(node, { userId: 'elsewhere' });
    for (const name of ['token', 'session', 'access_token', 'sid', 'authorization']) {
      expectProblem(await send(node.url, 'GET', `/me?${name}=${token}`), 'SESSION_MISSING');
      expectProblem(await send(node.url, 'DELETE', '/sessions', { body: { [name]: token } }), 'SESSION_MISSING');
      const headers = { [`x-${name}`]: token };
      expectProblem(await send(node.url, 'GET', '/me', { headers }), 'SESSION_MISSING');
    }
    expect((await send(node.url, 'GET', `/me/${token}`)).status).toBe(404);
    expect((await send(node.url, 'GET', `/me;session=${token}`)).status).toBe(404);
    expect(await presenting(node, token).alive()).toBe(200);
  });

  it('[row 12] no GET or HEAD creates a session or sets a cookie, whoever asks', async () => {
    const user = await signedIn(node, { userId: 'reader' });
    const before = await checksum(node);
    for (const client of [user, new Client(node.url), browserWith(inventedToken())]) {
      for (const method of ['GET', 'HEAD']) {
        for (const path of ['/me', '/sign-in', '/sessions', '/sessions/current', '/admin/sessions', '/nowhere']) {
          expect((await client.request(method, path)).setCookies).toEqual([]);
        }
      }
    }
    expect(await checksum(node)).toBe(before);
  });
});

describe.each(ADAPTERS)('with token keys, on %s', (adapter) => {
  const queries: string[] = [];
  const KEYS = [{ id: 'k1', secret: randomBytes(32) }];
  let node: TestApp;
  let user: Client;

  beforeAll(async () => {
    node = await startTestApp({ adapter, options: { tokenKeys: KEYS }, onQuery: (query) => queries.push(query) });
    user = await signedIn(node, { userId: 'genuine' });
  });
  afterAll(() => node.close());

  it('[row 5] a forged token asks the database nothing, known id or not', async () => {
    const mac = `.k1.${randomBytes(16).toString('base64url')}`;
    const [, secretAndMac = ''] = user.token.split('.0.');
    const [secret = '', keyId = '', genuineMac = ''] = secretAndMac.split('.');
    expect({ keyId, mac: genuineMac.length }).toEqual({ keyId: 'k1', mac: 22 });
    const otherSecret = randomBytes(32).toString('base64url');
    const forged = [
      inventedToken(),
      inventedToken(mac),
      inventedToken(`.k2.${genuineMac}`),
      inventedToken(`.k1.${genuineMac}`),
      `ids_${user.sessionId}.0.${otherSecret}.k1.${genuineMac}`,
      `ids_${user.sessionId}.0.${otherSecret}`,
      `ids_${user.sessionId}.1.${secret}.k1.${genuineMac}`,
    ];
    queries.length = 0;
    for (const token of forged) {
      expectProblem(await presenting(node, token).me(), 'SESSION_INVALID');
      expectProblem(await presenting(node, token).del('/sessions'), 'SESSION_INVALID');
    }
    expect(queries.filter(ofSessions)).toEqual([]);
    // The measure works: a possible token that this node does not know asks once.
    const second = await startTestApp({
      adapter,
      joins: node,
      options: { tokenKeys: KEYS },
      onQuery: (query) => queries.push(query),
    });
    try {
      queries.length = 0;
      expect(await user.at(second).alive()).toBe(200);
      expect(queries.filter(ofSessions)).toHaveLength(1);
    } finally {
      await second.close();
    }
  });

  it('[row 4] the key does not stand in for the secret: a token of a node with another key is refused', async () => {
    const stranger = await startTestApp({
      adapter,
      joins: node,
      options: { tokenKeys: [{ id: 'k1', secret: randomBytes(32) }] },
    });
    try {
      expectProblem(await user.at(stranger).me(), 'SESSION_INVALID');
    } finally {
      await stranger.close();
    }
    expect(await user.alive()).toBe(200);
  });
});
