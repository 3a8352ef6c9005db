import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Answer, Client, send } from './support/client.js';
import { expectProblem, expectRefused } from './support/expectations.js';
import { requestText, sendRaw } from './support/raw.js';
import { sql } from './support/rows.js';
import { Survivor } from './support/survivor.js';

const JSON_TYPE = { 'content-type': 'application/json' };
const nested = (depth: number, open: string, inner: string, close: string): string =>
  open.repeat(depth) + inner + close.repeat(depth);

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;
  let survivor: Survivor;

  beforeAll(async () => {
    node = await startTestApp({ adapter });
    survivor = await Survivor.on(node);
  });
  beforeEach(() => survivor.look());
  afterEach(async () => {
    await sql(node, `DELETE FROM identity_session WHERE user_id = 'guest'`);
    await survivor.isFine();
  });
  afterAll(() => node.close());

  const naming = (body: string, headers: Record<string, string> = JSON_TYPE): Promise<Answer> =>
    survivor.client.request('PATCH', `/sessions/${survivor.client.sessionId}`, { body, headers });
  const signIn = (body: string): Promise<Answer> => send(node.url, 'POST', '/sign-in', { body, headers: JSON_TYPE });
  const storedData = async (): Promise<unknown> => {
    const [row] = await sql(node, `SELECT data FROM identity_session WHERE user_id = 'guest' ORDER BY sequence DESC`);
    return row?.['data'];
  };

  it.each([
    ['text/plain', 'text/plain'],
    ['a form', 'application/x-www-form-urlencoded'],
    ['a form of parts', 'multipart/form-data; boundary=x'],
    ['XML', 'application/xml'],
    ['nothing at all', ''],
    ['two types', 'text/plain, application/json'],
    ['a type that only begins so', 'application/jsonx'],
  ])('JSON sent as %s names no device', async (_what, type) => {
    expectRefused(await naming('{"deviceName":"hacked"}', { 'content-type': type }));
  });

  it.each([
    ['of 10 MB', `{"deviceName":"${'x'.repeat(10_000_000)}"}`],
    ['of arrays of depth 10 000', nested(10_000, '[', '', ']')],
    ['of objects of depth 10 000', nested(10_000, '{"deviceName":', '1', '}')],
    ['with a name of depth 10 000', `{"deviceName":${nested(10_000, '[', '', ']')}}`],
    ['with __proto__', '{"deviceName":"x","__proto__":{"userId":"admin"}}'],
    ['with a name in __proto__', '{"__proto__":{"deviceName":"hacked"}}'],
    ['with constructor', '{"deviceName":"x","constructor":{"prototype":{"userId":"admin"}}}'],
    ['with an infinite number', '{"deviceName":1e400}'],
    ['that is no JSON', '{deviceName:"x"}'],
    ['with a byte order mark twice', '\ufeff\ufeff{"deviceName":"x"}'],
    ['of a NUL', '\0'],
  ])('a body %s names no device', async (_what, body) => {
    expectRefused(await naming(body));
    expect(Object.hasOwn(Object.prototype, 'userId')).toBe(false);
  });

  it.each(['gzip', 'deflate', 'br', 'identity, gzip', 'x-unknown'])(
    'a bomb of %s does not go off',
    async (encoding) => {
      const bomb = gzipSync(Buffer.alloc(50_000_000, ' '));
      const lines = [
        `Cookie: ${survivor.client.cookie ?? ''}`,
        'Content-Type: application/json',
        `Content-Encoding: ${encoding}`,
        `Content-Length: ${bomb.length}`,
      ];
      const head = Buffer.from(requestText('PATCH', `/sessions/${survivor.client.sessionId}`, lines));
      expectRefused(await sendRaw(node, Buffer.concat([head, bomb])));
    },
  );

  it('a device name keeps its NUL and half characters to itself, and is stored as text', async () => {
    const cases = [
      ['"\\u0000a"', '\ufffda'],
      ['"a\\ud800"', 'a\ufffd'],
      ['"<img src=x onerror=alert(1)>"', '<img src=x onerror=alert(1)>'],
      [`"'; DROP TABLE identity_session; --"`, `'; DROP TABLE identity_session; --`],
      ['"first","deviceName":"last"', 'last'],
    ] as const;
    for (const [text, stored] of cases) {
      expect((await naming(`{"deviceName":${text}}`)).body).toMatchObject({ deviceName: stored });
    }
    await survivor.look();
  });

  it.each([
    ['a key __proto__', '{"__proto__":1}'],
    ['a key constructor', '{"constructor":1}'],
    ['a key prototype', '{"prototype":1}'],
    ['such a key further down', '{"a":[{"b":{"__proto__":{}}}]}'],
    ['NUL', '{"a":"\\u0000"}'],
    ['NUL in a key', '{"a\\u0000":1}'],
    ['half a surrogate pair', '{"a":"\\ud800"}'],
    ['half a surrogate pair in a key', '{"\\udc00":1}'],
    ['a depth of 33', nested(33, '{"a":', '1', '}')],
    ['a depth of 10 000', nested(10_000, '{"a":', '1', '}')],
    ['arrays of a depth of 10 000', `{"a":${nested(10_000, '[', '', ']')}}`],
    ['17 KB', `{"a":"${'x'.repeat(17_000)}"}`],
    ['10 MB', `{"a":"${'x'.repeat(10_000_000)}"}`],
    ['an array instead of an object', '[1]'],
    ['null', 'null'],
    ['a text', '"data"'],
  ])('data of a session with %s is refused, and nobody is signed in', async (_what, data) => {
    const answer = await signIn(`{"userId":"guest","data":${data}}`);
    expectRefused(answer);
    expect(answer.setCookies).toEqual([]);
  });

  it.each<[string, string, unknown]>([
    [
      'keys that every object has',
      '{"toString":"x","hasOwnProperty":1,"then":2,"toJSON":3}',
      expect.objectContaining({ toString: 'x', toJSON: 3 }),
    ],
    ['a key twice', '{"a":1,"a":2}', { a: 2 }],
    ['an infinite number', '{"a":1e400}', { a: null }],
    ['an escaped backslash before what would be a NUL', '{"a":"C:\\\\u0000\\\\udata"}', { a: 'C:\\u0000\\udata' }],
    ['an emoji', '{"a":"\\ud83d\\ude42"}', { a: '🙂' }],
    ['the deepest nesting', nested(32, '{"a":', '1', '}'), expect.objectContaining({ a: expect.anything() })],
  ])('data of a session with %s is stored as it is', async (_what, data, expected) => {
    const guest = new Client(node.url);
    guest.bearer = (await signIn(`{"userId":"guest","data":${data},"transport":"bearer"}`)).body.token;
    expect(await guest.alive()).toBe(200);
    expect(await storedData()).toEqual(expected);
  });

  it.each(['userId', 'tenantId', 'clientId', 'deviceId'])('a %s is taken as it is or not at all', async (field) => {
    for (const text of ['"a\\u0000b"', '"\\ud800"', '""', `"${'x'.repeat(256)}"`, '1', 'true', '["a"]', '{"$ne":1}']) {
      const answer = await signIn(`{"userId":"guest","${field}":${text}}`);
      expectProblem(answer, 'VALIDATION_FAILED', ['errors']);
    }
  });

  it('a sign-in without a user, or on a device of no type, is refused', async () => {
    for (const body of [
      '{}',
      '{"userId":null}',
      '{"userId":"guest","deviceType":"toaster"}',
      '{"userId":"guest","deviceType":"__proto__"}',
    ]) {
      expectProblem(await signIn(body), 'VALIDATION_FAILED', ['errors']);
    }
  });
});
