import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Client, signedIn } from './support/client.js';
import { expectProblem, expectRefused } from './support/expectations.js';
import { Survivor } from './support/survivor.js';

const encodeCursor = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

const SESSIONS = 7;

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;
  let admin: Client;
  let survivor: Survivor;

  beforeAll(async () => {
    node = await startTestApp({ adapter });
    admin = await signedIn(node, { userId: 'admin' });
    for (let count = 0; count < SESSIONS; count++) await signedIn(node, { userId: 'many' });
    survivor = await Survivor.on(node);
  });
  beforeEach(() => survivor.look());
  afterEach(() => survivor.isFine());
  afterAll(() => node.close());

  const refuses = async (query: string): Promise<void> => {
    const answer = await admin.get(`/admin/sessions?${query}`);
    expect({ query, status: answer.status }).toEqual({ query, status: 400 });
    expectProblem(answer, 'VALIDATION_FAILED', ['errors']);
  };

  it.each([
    '-1',
    '0',
    '201',
    '1e9',
    '1000000000',
    '1e2',
    '0x10',
    '+5',
    '%205',
    '5%20',
    '',
    'NaN',
    '1.5',
    '007',
    '%D9%A1',
  ])('[row 48] a limit of %j is refused', async (limit) => {
    await refuses(`limit=${limit}`);
  });

  it('[row 48] a limit given twice or as an array is refused; 1 to 200 are taken', async () => {
    for (const query of ['limit=1&limit=2', 'limit[]=1', 'limit[0]=1', 'limit[$gt]=1', 'limit.x=1'])
      await refuses(query);
    expect((await admin.get('/admin/sessions?limit=1')).body.items).toHaveLength(1);
    expect((await admin.get('/admin/sessions?limit=200')).body.items.length).toBeGreaterThan(SESSIONS);
  });

  it.each([
    ['empty', ''],
    ['no base64', '%%%'.replaceAll('%', '%25')],
    ['no JSON', encodeCursor('nonsense')],
    ['an array', encodeCursor([])],
    ['null', encodeCursor(null)],
    ['without id', encodeCursor({ s: '-createdAt', t: 1 })],
    ['with another id', encodeCursor({ s: '-createdAt', t: 1, i: 'x' })],
    ['with SQL for an id', encodeCursor({ s: '-createdAt', t: 1, i: `${randomUUID()}' OR 1=1` })],
    ['with an id in braces', encodeCursor({ s: '-createdAt', t: 1, i: `{${randomUUID()}}` })],
    ['with a time below zero', encodeCursor({ s: '-createdAt', t: -1, i: randomUUID() })],
    ['with an infinite time', encodeCursor(`{"s":"-createdAt","t":1e400,"i":"${randomUUID()}"}`)],
    ['with a time beyond what a Date can say', encodeCursor({ s: '-createdAt', t: 8.64e15 + 2, i: randomUUID() })],
    ['with a time as text', encodeCursor({ s: '-createdAt', t: '1', i: randomUUID() })],
    ['with more keys', encodeCursor({ s: '-createdAt', t: 1, i: randomUUID(), u: 'admin' })],
    ['without an order', encodeCursor({ t: 1, i: randomUUID() })],
    ['of another order', encodeCursor({ s: 'createdAt', t: 1, i: randomUUID() })],
    ['of an order that there is not', encodeCursor({ s: 'tokenHash', t: 1, i: randomUUID() })],
    ['of a history', encodeCursor({ e: '1' })],
    ['of 10 KB', 'e30'.repeat(3_400)],
    ['a NUL', '%00'],
  ])('[row 48] a cursor that is %s is refused', async (_what, cursor) => {
    await refuses(`cursor=${cursor}`);
  });

  it('[row 48] a cursor in the year 275760 or 1970, or one of a search that was another, gives no more than rights allow', async () => {
    const far = encodeCursor({ s: '-createdAt', t: 8.64e15, i: randomUUID() });
    const farAscending = encodeCursor({ s: 'createdAt', t: 8.64e15, i: randomUUID() });
    expect((await admin.get(`/admin/sessions?sort=createdAt&cursor=${farAscending}`)).body.items).toEqual([]);
    const early = encodeCursor({ s: '-createdAt', t: 0, i: randomUUID() });
    expect((await admin.get(`/admin/sessions?cursor=${early}`)).body.items).toEqual([]);
    const { nextCursor } = (await admin.get('/admin/sessions?userId=many&limit=2')).body;
    const tenantAdmin = await signedIn(node, { userId: 'admin@red', tenantId: 'red' });
    await survivor.look();
    for (const cursor of [nextCursor, far]) {
      const { body } = await tenantAdmin.get(`/admin/sessions?cursor=${cursor}&tenantId=blue`);
      expect(body).toEqual({ items: [], nextCursor: null });
    }
  });

  it('[row 48] a cursor is good for the order that it was made in alone', async () => {
    const sorts = ['createdAt', '-createdAt', 'lastAccessedAt', '-lastAccessedAt'];
    for (const sort of sorts) {
      const { nextCursor } = (await admin.get(`/admin/sessions?userId=many&limit=2&sort=${sort}`)).body;
      for (const other of sorts) {
        const query = `userId=many&limit=2&sort=${other}&cursor=${nextCursor}`;
        if (other === sort) expect((await admin.get(`/admin/sessions?${query}`)).body.items).toHaveLength(2);
        else await refuses(query);
      }
      const [first = '', ...rest] = nextCursor ?? '';
      await refuses(`userId=many&sort=${sort}&cursor=${first === 'e' ? 'f' : 'e'}${rest.join('')}`);
    }
  });

  it('[row 48] pages join without gap or double, in both directions', async () => {
    for (const sort of ['createdAt', '-createdAt']) {
      const seen: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const from: string = cursor === '' ? '' : `&cursor=${cursor}`;
        const { body } = await admin.get(`/admin/sessions?userId=many&sort=${sort}&limit=3${from}`);
        seen.push(...body.items.map(({ id }) => id));
        cursor = body.nextCursor;
      }
      const all = (await admin.get('/admin/users/many/sessions')).body.items.map(({ id }) => id);
      expect(seen).toEqual(sort === '-createdAt' ? all : all.toReversed());
      expect(all).toHaveLength(SESSIONS);
    }
  });

  it.each([
    'tokenHash',
    'token_digest',
    'tokenDigest',
    'createdAt;DROP',
    'createdAt,id',
    'lastAccessedAt',
    '-lastAccessedAt',
    'lastAccessedAt&userId=',
    'last_accessed_at&userId=many',
    'createdAt&sort=-createdAt',
    'createdAt%20desc',
    '--createdAt',
    '__proto__',
    '',
  ])('[row 48] sorting by %j is refused', async (sort) => {
    await refuses(`sort=${sort}`);
  });

  it.each([
    'status=ACTIVE',
    'status=live',
    'status=constructor',
    'deviceType=toString',
    'userId=',
    `userId=${'x'.repeat(256)}`,
    'userId=%00',
    'userId=survivor%00',
    'tenantId=%00',
    'clientId=a%00b',
    'userId[$ne]=x',
    'userId[]=survivor&userId[]=admin',
    'userId=survivor&userId=admin',
    '__proto__=1',
    '__proto__[scope]=all',
    'constructor.prototype.scope=all',
    'scope[kind]=all',
    'ids=1',
    'ids[]=1',
    'q=',
    'q=%00',
    `q=${'x'.repeat(256)}`,
    'q[]=a',
    'q=a&q=b',
    'ip=',
    'ip=%00',
    `ip=${'1'.repeat(65)}`,
    'ip[$like]=%',
    'impersonator=admin',
    'exceptIds=1',
    'afterId=1',
    'toString=1',
  ])('[row 48] the query %j is refused', async (query) => {
    await refuses(query);
  });

  it.each([
    `userId=%27%20OR%20%271%27=%271`,
    `userId=%27;DROP%20TABLE%20identity_session;--`,
    'userId=*',
    'userId=%25',
    'userId=surviv_r',
    'userId=%ed%a0%80',
    'userId=%ff%fe',
    'userId=survivor%20',
    'tenantId=null',
    'q=%25',
    'q=_urvivor',
    'q=survivor%25',
    'q=%5C',
    `q=%27%20OR%20%271%27=%271`,
    'q=%ed%a0%80',
    'q=%7b01',
    'q=SURVIVOR',
    'ip=%25',
    'ip=127.0.0',
    'ip=%27;DROP%20TABLE%20identity_session;--',
  ])('[row 48] the query %j finds nobody', async (query) => {
    const answer = await admin.get(`/admin/sessions?${query}`);
    if (answer.status === 200) expect(answer.body).toEqual({ items: [], nextCursor: null });
    else expectRefused(answer);
  });

  it.each([
    'sid[]=a&sid[$ne]=',
    'session=x',
    '_method=DELETE',
    'includeCurrent=true&includeCurrent=false',
    'includeCurrent=1',
  ])('the query %j ends nothing', async (query) => {
    expectProblem(await survivor.client.del(`/sessions?${query}`), 'VALIDATION_FAILED', ['errors']);
    expectRefused(await admin.del(`/admin/users/survivor/sessions?${query}`));
  });

  it('a refusal is no larger than it must be, however many things are wrong', async () => {
    const query = Array.from({ length: 900 }, (_, index) => `k${index}`).join('&');
    expect((await admin.get(`/admin/sessions?${query}`)).text.length).toBeLessThan(4_000);
    const body = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`k${index}`, 1]));
    const answer = await survivor.client.patch(`/sessions/${survivor.client.sessionId}`, body);
    expectProblem(answer, 'VALIDATION_FAILED', ['errors']);
    expect(answer.text.length).toBeLessThan(4_000);
  });
});
