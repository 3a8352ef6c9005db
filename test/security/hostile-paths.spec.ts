import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Client, send, signedIn } from './support/client.js';
import { expectRefused } from './support/expectations.js';
import { requestText, sendRaw } from './support/raw.js';
import { Survivor } from './support/survivor.js';

/** `<id>` stands for the session of the survivor. */
const IDS: [string, string][] = [
  ['a quote', `'`],
  ['a double quote', `"`],
  ['SQL', `%27%20OR%20%271%27=%271`],
  ['SQL after an id', `<id>%27;DROP%20TABLE%20identity_session;--`],
  ['an encoded way up', '%2e%2e%2f'],
  ['a way up to the administrators', '..%2f..%2fadmin%2fsessions%2f<id>'],
  ['a way to the same place', '.%2f<id>'],
  ['a number below zero', '-1'],
  ['a number beyond 63 bits', '9223372036854775808'],
  ['NaN', 'NaN'],
  ['null', 'null'],
  ['undefined', 'undefined'],
  ['a property of every object', '__proto__'],
  ['an array', '[]'],
  ['an array with an id', '[%22<id>%22]'],
  ['two ids', '<id>,<id>'],
  ['a NUL', '%00'],
  ['an id and a NUL', '<id>%00'],
  ['an id and a line break', '<id>%0a'],
  ['an id and a space', '<id>%20'],
  ['an id and a dot', '<id>.'],
  ['an id and a format', '<id>.json'],
  ['an id and a matrix parameter', '<id>;a=b'],
  ['a double encoding', '%2525'],
  ['a wildcard', '*'],
  ['a SQL wildcard', '%25'],
  ['markup', '%3Cscript%3E'],
  ['a format string', '%25s%25n'],
  ['bytes that are no UTF-8', '%ff%fe'],
  ['half a surrogate pair', '%ed%a0%80'],
  ['half an escape', '%'],
  ['10 KB', 'a'.repeat(10_000)],
  ['5 KB of escapes', '%41'.repeat(1_700)],
];

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;
  let user: Client;
  let admin: Client;
  let survivor: Survivor;

  beforeAll(async () => {
    node = await startTestApp({ adapter });
    user = await signedIn(node, { userId: 'user' });
    admin = await signedIn(node, { userId: 'admin' });
    survivor = await Survivor.on(node);
  });
  beforeEach(() => survivor.look());
  afterEach(() => survivor.isFine());
  afterAll(() => node.close());

  const attack = async (id: string): Promise<void> => {
    const { client } = survivor;
    const attempts = [
      await client.del(`/sessions/${id}`),
      await client.patch(`/sessions/${id}`, { deviceName: 'x' }),
      await admin.get(`/admin/sessions/${id}`),
      await admin.del(`/admin/sessions/${id}`),
      await admin.del(`/admin/users/survivor/sessions/${id}`),
    ];
    for (const [index, answer] of attempts.entries()) {
      expect({ index, isRefused: answer.status >= 400 && answer.status < 500 }).toEqual({ index, isRefused: true });
      expect(answer.text).not.toContain('<script>');
    }
  };

  it.each(IDS)('an id that is %s ends nothing and is a 4xx', async (_what, id) => {
    await attack(id.replaceAll('<id>', survivor.client.sessionId));
  });

  it('an id has one spelling: capitals, braces, no hyphens, urn: are other ids', async () => {
    const id = survivor.client.sessionId;
    for (const twin of [id.toUpperCase(), `%7B${id}%7D`, `{${id}}`, id.replaceAll('-', ''), `urn:uuid:${id}`]) {
      await attack(twin);
    }
    await attack(`%${id.charCodeAt(0).toString(16)}${id.slice(1)}x`);
  });

  it.each(['%00', 'survivor%00', '%ff', '%ed%a0%80', '%', 'x'.repeat(300), '.', '..', '%2e%2e', ''])(
    'a user id of %s in the path reaches nobody',
    async (userId) => {
      for (const path of [
        `/admin/users/${userId}/sessions`,
        `/admin/users/${userId}/sessions/${survivor.client.sessionId}`,
      ]) {
        for (const method of ['GET', 'DELETE']) {
          const { status, body } = await admin.request(method, path);
          if (status === 200) expect(body.revoked === 0 || body.items.length === 0).toBe(true);
          else expectRefused({ status });
        }
      }
    },
  );

  const WAYS_AROUND = [
    '//admin/sessions',
    '/admin//sessions',
    '/ADMIN/sessions',
    '/Admin/Sessions',
    '/%61dmin/sessions',
    '/%2fadmin/sessions',
    '%2fadmin/sessions',
    '/admin%2fsessions',
    '/./admin/sessions',
    '/x/../admin/sessions',
    '/sessions/../admin/sessions',
    '/sessions/..%2fadmin/sessions',
    '/sessions/..;/admin/sessions',
    '/admin/sessions/',
    '/admin/sessions//',
    '/admin/sessions/.',
    '/admin/sessions%20',
    '/admin/sessions%00',
    '/admin/sessions.json',
    '/admin/sessions;x=y',
    '/admin/sessions#x',
    '/admin/sessions?',
    '/admin\\sessions',
    '\\admin\\sessions',
    'http://localhost/admin/sessions',
    'http://evil.example/admin/sessions',
    'admin/sessions',
    '*',
  ];

  it.each(WAYS_AROUND)('%s leads past neither guard nor policy', async (target) => {
    const paths = [target, target.replace(/sessions/i, `users/survivor/sessions`)];
    for (const path of paths) {
      for (const method of ['GET', 'DELETE']) {
        for (const lines of [[], [`Authorization: Bearer ${user.token}`]]) {
          expectRefused(await sendRaw(node, requestText(method, path, lines)));
        }
      }
    }
  });

  it.each([
    'GET /sess ions HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /me\0 HTTP/1.1\r\nHost: x\r\n\r\n',
    'DELETE /sessions\r\n\r\n',
    'DELETE /sessions HTTP/9.9\r\nHost: x\r\n\r\n',
    'delete /sessions HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /me HTTP/1.1\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  ])('what is no HTTP request is refused by its form (%#)', async (bytes) => {
    const withCredential = bytes.replace('Host: x', `Host: x\r\nAuthorization: Bearer ${survivor.client.token}`);
    for (const request of [bytes, withCredential]) expectRefused(await sendRaw(node, Buffer.from(request, 'latin1')));
  });

  it('a placeholder that a client forgot to fill is no id', async () => {
    for (const id of ['', '%20', 'undefined', 'null', ':id', '%7Bid%7D']) {
      expectRefused(await send(node.url, 'DELETE', `/sessions/${id}`));
      if (id !== '') expectRefused(await survivor.client.del(`/sessions/${id}`));
    }
  });
});
