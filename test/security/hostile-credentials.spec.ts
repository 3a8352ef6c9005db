import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Client, send, signedIn } from './support/client.js';
import { expectProblem, expectRefused } from './support/expectations.js';
import { requestText, sendRaw } from './support/raw.js';
import { Survivor } from './support/survivor.js';

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;
  let user: Client;
  let other: Client;
  let survivor: Survivor;

  beforeAll(async () => {
    node = await startTestApp({ adapter });
    user = await signedIn(node, { userId: 'user' });
    other = await signedIn(node, { userId: 'other' });
    survivor = await Survivor.on(node);
  });
  beforeEach(() => survivor.look());
  afterEach(() => survivor.isFine());
  afterAll(() => node.close());

  const NOTHING = 'ids_';
  const tokens: [string, string][] = [
    ['of one byte', 'x'],
    ['of 4 KB', 'x'.repeat(4_096)],
    ['of 15 KB', 'x'.repeat(15_000)],
    ['of 15 KB that begin well', `${NOTHING}${'0'.repeat(15_000)}`],
    ['of dots', '.'.repeat(1_000)],
    ['of an encoded NUL', '%00'],
    ['of encoded bytes that are no UTF-8', '%ff%fe'],
    ['of an encoded lone surrogate', '%ed%a0%80'],
    ['of raw bytes that are no UTF-8', '\xff\xfe'],
    ['of a property of every object', '__proto__'],
    ['of a wildcard', '*'],
    ['of JSON', '{"$ne":null}'],
    ['with SQL', `' OR '1'='1`],
    ['with a format', '%s%n%x'],
    ['with markup', '<script>alert(1)</script>'],
  ];

  it.each(tokens)('[row 5] a token %s is refused with 401, as a cookie and as a bearer', async (_what, token) => {
    const headers = [
      { cookie: `session=${token}` },
      { authorization: `Bearer ${token}` },
      { cookie: `session=${token}`, authorization: `Bearer ${token}` },
    ];
    // Node gives up on more than 16 KB of headers, which is another test.
    for (const given of headers.slice(0, token.length > 8_000 ? 2 : 3)) {
      expectProblem(await send(node.url, 'GET', '/me', { headers: given }), 'SESSION_INVALID');
      expectRefused(await send(node.url, 'DELETE', '/sessions', { headers: given }));
    }
  });

  it('[row 5] what surrounds a valid token makes it invalid', async () => {
    const { token } = user;
    const [, uuid = '', rest = ''] = /^ids_([^.]+)(\..*)$/.exec(token) ?? [];
    const variants = [
      ` ${token}`,
      `${token}.`,
      `${token}=`,
      `${token}==`,
      `${token},${token}`,
      `${token} ${token}`,
      token.toUpperCase(),
      token.replace('ids_', 'IDS_'),
      token.replace('ids_', ''),
      `ids_${uuid.toUpperCase()}${rest}`,
      `ids_{${uuid}}${rest}`,
      `ids_${uuid.replaceAll('-', '')}${rest}`,
      `ids_${uuid}${rest.replace('.0.', '.00.')}`,
      `ids_${uuid}${rest.replace('.0.', '.-0.')}`,
      `ids_${uuid}${rest.replace('.0.', '.1e0.')}`,
      `ids_${uuid}${rest.replace('.0.', '.9999999999.')}`,
    ];
    for (const variant of variants) {
      const answer = await send(node.url, 'GET', '/me', { headers: { cookie: `session=${variant}` } });
      expect({ variant, status: answer.status }).toEqual({ variant, status: 401 });
    }
    expect(await user.alive()).toBe(200);
  });

  it('a bearer beats the cookie of another user, and a malformed bearer is not made up for by the cookie', async () => {
    const cookie = `session=${other.token}`;
    const ask = (authorization: string) => send(node.url, 'GET', '/me', { headers: { cookie, authorization } });
    expect((await ask(`Bearer ${user.token}`)).body.userId).toBe('user');
    expect((await ask(`bearer   ${user.token}`)).body.userId).toBe('user');
    for (const malformed of ['Bearer', 'Bearer ', 'Bearer x', `Bearer "${user.token}"`, `Bearer:${user.token}`]) {
      expectProblem(await ask(malformed), 'SESSION_INVALID');
    }
    for (const scheme of ['Basic dTpw', 'Digest x', user.token]) {
      expect((await ask(scheme)).body.userId).toBe('other');
    }
  });

  it('two Authorization headers are no credential at all, whatever they hold and whatever cookie comes with them', async () => {
    const [mine, theirs] = [`Authorization: Bearer ${user.token}`, `authorization: Bearer ${other.token}`];
    for (const lines of [
      [mine, theirs],
      [theirs, mine],
      [mine, mine],
      [mine, 'Authorization: Basic dTpw'],
      [mine, 'Authorization:'],
      [mine, theirs, `Cookie: session=${user.token}`],
    ]) {
      const { status, text } = await sendRaw(node, requestText('GET', '/me', lines));
      expect({ lines, status }).toEqual({ lines, status: 401 });
      expect(text).toContain('SESSION_MISSING');
    }
  });

  it('two Cookie headers count as one: the name once is a session, twice is none', async () => {
    const line = `Cookie: session=${user.token}`;
    expect((await sendRaw(node, requestText('GET', '/me', ['Cookie: a=1', line]))).status).toBe(200);
    expect((await sendRaw(node, requestText('GET', '/me', [line, 'Cookie: b=2']))).status).toBe(200);
    for (const second of [line, 'Cookie: session=x', `Cookie: session=${other.token}`]) {
      expect((await sendRaw(node, requestText('GET', '/me', [line, second]))).status).toBe(401);
      expect((await sendRaw(node, requestText('GET', '/me', [second, line]))).status).toBe(401);
    }
  });

  it.each([
    ['a NUL', (t: string) => `Cookie: session=${t}\0`],
    ['a NUL alone', () => 'Cookie: session=\0'],
    ['a bare CR', (t: string) => `Cookie: session=${t}\rX: y`],
    ['a folded line', (t: string) => `Authorization: Bearer\r\n ${t}`],
    ['a space before the colon', (t: string) => `Authorization : Bearer ${t}`],
    ['100 KB', () => `Cookie: session=${'x'.repeat(100_000)}`],
    ['100 KB in a thousand cookies', () => `Cookie: ${'session=x; '.repeat(9_000)}`],
  ])('a credential with %s is refused by its form', async (_what, line) => {
    const { status } = await sendRaw(node, requestText('GET', '/me', [line(user.token)]));
    expectRefused({ status });
  });

  it('ten thousand cookies of the same name take no time', async () => {
    const cookie = 'session=;'.repeat(1_500);
    const begunAt = performance.now();
    for (let count = 0; count < 50; count++) {
      expect((await send(node.url, 'GET', '/me', { headers: { cookie } })).status).toBe(401);
    }
    expect(performance.now() - begunAt).toBeLessThan(5_000);
  });
});
