import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Answer, type Client, signedIn } from './support/client.js';
import { expectProblem } from './support/expectations.js';
import { checksum } from './support/rows.js';
import { flushTouches } from './support/time.js';

const ASSIGNMENTS = {
  id: '00000000-0000-0000-0000-000000000000',
  userId: 'admin',
  tenantId: 'other',
  expiresAt: '2999-01-01T00:00:00Z',
  idleTimeoutMs: 1e12,
  status: 'active',
  assurance: 'aal3',
  impersonatedBy: 'nobody',
  current: true,
  data: { role: 'admin' },
  version: 99,
};

const SESSION_KEYS = [
  'id',
  'userId',
  'tenantId',
  'clientId',
  'deviceType',
  'deviceName',
  'userAgent',
  'initialIp',
  'lastIp',
  'location',
  'status',
  'createdAt',
  'authenticatedAt',
  'lastAccessedAt',
  'idleExpiresAt',
  'expiresAt',
  'assurance',
  'current',
  'endedAt',
  'endReason',
  'endedBy',
];

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;
  let user: Client;
  let admin: Client;

  beforeAll(async () => {
    node = await startTestApp({ adapter });
    admin = await signedIn(node, { userId: 'admin' });
  });
  beforeEach(async () => {
    user = await signedIn(node, { userId: 'user', data: { secretOfTheApplication: 1 } });
  });
  afterAll(() => node.close());

  /** Runs requests that are all to be refused with 400, after which every row is as it was. */
  const refused = async (requests: readonly (() => Promise<Answer>)[]): Promise<void> => {
    await flushTouches(node);
    const before = await checksum(node);
    for (const request of requests) expectProblem(await request(), 'VALIDATION_FAILED', ['errors']);
    expect((await user.get('/sessions/current')).body).toMatchObject({
      userId: 'user',
      tenantId: null,
      deviceName: null,
    });
    // Accesses are all that may differ, and they are still in memory.
    expect(await checksum(node)).toBe(before);
  };

  it('[row 46] a body that assigns more than it may is refused, and nothing changes', async () => {
    const path = `/sessions/${user.sessionId}`;
    await refused([
      ...Object.entries(ASSIGNMENTS).map(
        ([key, value]) =>
          () =>
            user.patch(path, { deviceName: 'x', [key]: value }),
      ),
      () => user.patch(path, { deviceName: 'x', ...ASSIGNMENTS }),
      () => user.patch(path, ASSIGNMENTS),
    ]);
  });

  it('[row 46] a refusal names each unknown key', async () => {
    const answer = await user.patch(`/sessions/${user.sessionId}`, {
      deviceName: 'x',
      userId: 'admin',
      status: 'active',
    });
    expect(answer.body['errors']).toEqual([
      { field: 'userId', message: 'is not known here' },
      { field: 'status', message: 'is not known here' },
    ]);
  });

  it.each([
    ['/admin/sessions/revoke', { filter: { ids: ['x'] }, reason: 'lost' }, 'filter.ids.0'],
    ['/admin/jobs', { kind: 'revoke', filter: { userId: 'ann' }, except: ['x'], reason: 'lost' }, 'except.0'],
    ['/sessions/restore', { answer: { ticket: 'x', end: ['x'] } }, 'answer.end.0'],
  ])(
    '[row 46] a body of %s that names what is no session id is malformed, whoever sends it',
    async (path, body, field) => {
      const answer = await user.request('POST', path, { body });
      expectProblem(answer, 'VALIDATION_FAILED', ['errors']);
      expect(answer.body['errors']).toEqual([{ field, message: 'is no session id' }]);
    },
  );

  it('[row 46] a query that a route does not know is refused on every route, and nothing changes', async () => {
    const victim = await signedIn(node, { userId: 'user' });
    const routes: [Client, string, string][] = [
      [user, 'GET', '/sessions'],
      [user, 'GET', '/sessions/current'],
      [user, 'DELETE', '/sessions'],
      [user, 'DELETE', `/sessions/${victim.sessionId}`],
      [user, 'DELETE', `/sessions/${user.sessionId}`],
      [admin, 'GET', '/admin/sessions'],
      [admin, 'GET', `/admin/sessions/${victim.sessionId}`],
      [admin, 'DELETE', `/admin/sessions/${victim.sessionId}`],
      [admin, 'GET', `/admin/sessions/${victim.sessionId}/events`],
      [admin, 'POST', '/admin/sessions/revoke'],
      [admin, 'POST', `/admin/sessions/${victim.sessionId}/suspend`],
      [admin, 'POST', `/admin/sessions/${victim.sessionId}/resume`],
      [admin, 'GET', '/admin/users/user/sessions'],
      [admin, 'DELETE', '/admin/users/user/sessions'],
      [admin, 'DELETE', `/admin/users/user/sessions/${victim.sessionId}`],
    ];
    const queries = ['scope=all', 'exceptIds=', 'dryRun=true', '__proto__=1', 'constructor=1', 'reason[]=x'];
    await refused([
      ...routes.flatMap(([client, method, path]) =>
        queries.map((query) => () => client.request(method, `${path}?${query}`)),
      ),
      () => user.request('PATCH', `/sessions/${user.sessionId}?userId=admin`, { body: { deviceName: 'x' } }),
    ]);
    expect(await victim.alive()).toBe(200);
  });

  it.each([
    ['a device name', [{}, { deviceName: '' }, { deviceName: ' ' }, { deviceName: null }, { deviceName: 1 }]],
    ['a device name as text', [{ deviceName: ['x'] }, { deviceName: { toString: 'x' } }, { deviceName: true }]],
    ['at most 100 characters', [{ deviceName: 'x'.repeat(101) }, { deviceName: 'x'.repeat(90_000) }]],
    ['an object', [[], ['deviceName'], undefined]],
  ])('[row 46] naming a device takes %s', async (_what, bodies) => {
    await refused(bodies.map((body) => () => user.patch(`/sessions/${user.sessionId}`, body)));
  });

  it.each(['null', '"deviceName"', '1', 'true', '{', '{"deviceName":"x"}}', '{"deviceName":"x"', ''])(
    '[row 46] the body %s is refused',
    async (body) => {
      const before = await checksum(node);
      const headers = { 'content-type': 'application/json' };
      expect((await user.request('PATCH', `/sessions/${user.sessionId}`, { body, headers })).status).toBe(400);
      expect(await checksum(node)).toBe(before);
    },
  );

  it('[row 47] answers have exactly the documented keys', async () => {
    const keys = (value: unknown) => Object.keys(value as object);
    const sessions: unknown[] = [
      (await user.get('/sessions/current')).body,
      (await user.patch(`/sessions/${user.sessionId}`, { deviceName: 'x' })).body,
      (await admin.get(`/admin/sessions/${user.sessionId}`)).body,
    ];
    for (const [client, path, more] of [
      [user, '/sessions', []],
      [admin, '/admin/users/user/sessions', []],
      [admin, '/admin/sessions', ['nextCursor']],
    ] as const) {
      const { body } = await client.get(path);
      expect(keys(body)).toEqual(['items', ...more]);
      expect(body.items.length).toBeGreaterThan(0);
      sessions.push(...body.items);
    }
    const gone = await signedIn(node, { userId: 'user' });
    await gone.del('/sign-out');
    sessions.push((await admin.get(`/admin/sessions/${gone.sessionId}`)).body);
    for (const session of sessions) expect(keys(session).toSorted()).toEqual(SESSION_KEYS.toSorted());

    expect(keys((await user.del('/sessions')).body)).toEqual(['revoked']);
    expect(keys((await admin.del('/admin/users/user/sessions')).body)).toEqual(['revoked']);
    const fresh = await signedIn(node, { userId: 'user' });
    const path = `/admin/sessions/${fresh.sessionId}`;
    for (const [action, body] of [
      ['suspend', { reason: 'x' }],
      ['resume', {}],
    ] as const) {
      expect(keys((await admin.post(`${path}/${action}`, body)).body).toSorted()).toEqual(SESSION_KEYS.toSorted());
    }
    const history = (await admin.get(`${path}/events`)).body;
    expect(keys(history)).toEqual(['items', 'nextCursor']);
    const entry = ['id', 'type', 'at', 'version', 'reason', 'actor', 'changes', 'source', 'ip'];
    expect(history.items.map(keys)).toEqual(Array(3).fill(entry));
    const bulk = { filter: { userId: 'nobody' }, reason: 'x' };
    expect(keys((await admin.post('/admin/sessions/revoke', bulk)).body)).toEqual(['matched', 'revoked', 'more']);
    const ended = await admin.del(`/admin/sessions/${fresh.sessionId}`);
    expect({ status: ended.status, text: ended.text }).toEqual({ status: 204, text: '' });
  });
});
