import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Session, type SessionAccessPolicy, type SessionScope, SessionService } from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Answer, type Client, send, signedIn, type SignInRequest } from './support/client.js';
import { expectProblem, expectRefused } from './support/expectations.js';
import { checksum, setRow, sql } from './support/rows.js';
import { flushTouches } from './support/time.js';

const NOBODY = '019a9d4e-6c1b-7c55-9a3e-2f0d6a4b8c11';
const ids = ({ body }: Answer): string[] => body.items.map(({ id }) => id);
const sorted = (clients: readonly Client[]): string[] => clients.map(({ sessionId }) => sessionId).toSorted();

/** `admin`: everybody; `lead`: those that the lead may manage; `support`: whom support has signed in as, and itself. */
class Rules implements SessionAccessPolicy {
  scopeFor(actor: Session): SessionScope | null {
    const { userId, tenantId } = actor;
    const own: SessionScope = { kind: 'user', userId, tenantId };
    switch (userId) {
      case 'admin':
        return { kind: 'all' };
      case 'lead':
        return {
          kind: 'users',
          users: [
            { userId: 'anna', tenantId: 'red' },
            { userId: 'ben', tenantId: null },
          ],
        };
      case 'support':
        return { kind: 'any', of: [own, { kind: 'impersonator', userId, tenantId }] };
      default:
        return own;
    }
  }
}

describe.each(ADAPTERS)('administration on %s', (adapter) => {
  let node: TestApp;
  let admin: Client;

  beforeAll(async () => {
    node = await startTestApp({ adapter, extras: { accessPolicy: Rules } });
    admin = await signedIn(node, { userId: 'admin' });
  });
  afterAll(() => node.close());

  const crowd = (input: SignInRequest, count: number): Promise<Client[]> =>
    Promise.all(Array.from({ length: count }, () => signedIn(node, input)));
  const revoke = (body: object, by = admin) => by.post('/admin/sessions/revoke', { reason: 'test', ...body });

  describe('a search', () => {
    it('[row 48] pages join in every order and direction, where many are of the same moment', async () => {
      const userId = randomUUID();
      const clients = await crowd({ userId }, 7);
      await sql(
        node,
        `UPDATE identity_session SET created_at = date_trunc('second', created_at),
           last_accessed_at = date_trunc('second', last_accessed_at) WHERE user_id = $1`,
        [userId],
      );
      for (const key of ['createdAt', 'lastAccessedAt']) {
        const orders: string[][] = [];
        for (const sort of [key, `-${key}`]) {
          const seen: string[] = [];
          let cursor = '';
          do {
            const answer = await admin.get(`/admin/sessions?userId=${userId}&limit=3&sort=${sort}${cursor}`);
            seen.push(...ids(answer));
            cursor = answer.body.nextCursor === null ? '' : `&cursor=${answer.body.nextCursor}`;
          } while (cursor !== '');
          orders.push(seen);
        }
        expect(orders[0]?.toSorted()).toEqual(sorted(clients));
        expect(orders[1]).toEqual(orders[0]?.toReversed());
      }
    });

    it('finds by each condition, and by all at once', async () => {
      const userId = `finder-${randomUUID()}`;
      const made = { userId, tenantId: 'green', clientId: 'app', deviceType: 'mobile', ip: '203.0.113.9' } as const;
      const wanted = await signedIn(node, made);
      const others = [
        { ...made, tenantId: 'white' },
        { ...made, clientId: 'web' },
        { ...made, deviceType: 'desktop' },
        { ...made, ip: '203.0.113.8' },
      ] as const;
      const rest = await Promise.all(others.map((other) => signedIn(node, other)));
      const find = async (query: string): Promise<string[]> =>
        ids(await admin.get(`/admin/sessions?userId=${userId}&${query}`)).toSorted();
      for (const [index, query] of [
        'tenantId=white',
        'clientId=web',
        'deviceType=desktop',
        'ip=203.0.113.8',
      ].entries()) {
        expect(await find(query)).toEqual([rest[index]?.sessionId]);
      }
      expect(await find('tenantId=green&clientId=app&deviceType=mobile&ip=203.0.113.9&status=active')).toEqual([
        wanted.sessionId,
      ]);
      expect(await find(`q=${wanted.sessionId.slice(0, 30)}`)).toContain(wanted.sessionId);
      expect(await find('q=finder-')).toEqual(sorted([wanted, ...rest]));
      expect(ids(await admin.get(`/admin/sessions?q=${userId.slice(0, 20)}`)).toSorted()).toEqual(
        sorted([wanted, ...rest]),
      );
      await admin.del(`/admin/sessions/${wanted.sessionId}`);
      expect(await find('status=revoked')).toEqual([wanted.sessionId]);
      expect(await find('tenantId=green&clientId=app&deviceType=mobile&ip=203.0.113.9')).toEqual([]);
    });

    it('finds a session by the address that it moved to, and by the one that it began at', async () => {
      const roaming = await signedIn(node, { userId: 'roaming', ip: '203.0.113.77' });
      await roaming.me();
      await flushTouches(node);
      const find = async (query: string) => ids(await admin.get(`/admin/sessions?${query}`));
      for (const query of ['ip=203.0.113.77', 'ip=127.0.0.1', 'q=203.0.113.77', 'q=127.0.0']) {
        expect(await find(query)).toContain(roaming.sessionId);
      }
    });
  });

  describe('access rules', () => {
    it('[row 42] a delegate sees and ends the sessions of those users, and of nobody of the same name', async () => {
      const lead = await signedIn(node, { userId: 'lead' });
      const [anna] = await crowd({ userId: 'anna', tenantId: 'red' }, 1);
      const [ben] = await crowd({ userId: 'ben' }, 1);
      const strangers = [
        ...(await crowd({ userId: 'anna', tenantId: 'blue' }, 1)),
        ...(await crowd({ userId: 'ben', tenantId: 'red' }, 1)),
      ];
      expect(ids(await lead.get('/admin/sessions')).toSorted()).toEqual(sorted([anna!, ben!]));
      for (const { sessionId } of [lead, ...strangers]) {
        expectProblem(await lead.get(`/admin/sessions/${sessionId}`), 'SESSION_NOT_FOUND');
        expectProblem(await lead.del(`/admin/sessions/${sessionId}`), 'SESSION_NOT_FOUND');
      }
      expect((await revoke({ filter: { q: 'a' } }, lead)).body).toEqual({ matched: 1, revoked: 1, more: false });
      expect((await lead.del('/admin/users/ben/sessions')).body).toEqual({ revoked: 1 });
      for (const stranger of strangers) expect(await stranger.alive()).toBe(200);
      expectProblem(await lead.post('/admin/cut-offs', { reason: 'x' }), 'FORBIDDEN');
      expectProblem(await lead.post('/admin/cut-offs', { reason: 'x', userId: 'carl' }), 'FORBIDDEN');
      expect((await lead.post('/admin/cut-offs', { reason: 'x', userId: 'anna' })).body).toMatchObject({
        userId: 'anna',
        tenantId: 'red',
      });
    });

    it('[row 42] whoever signs in as somebody else governs that session and no other of the user', async () => {
      const support = await signedIn(node, { userId: 'support' });
      const own = await signedIn(node, { userId: 'customer', tenantId: 'red' });
      const sessions = node.app.get(SessionService, { strict: false });
      const impersonatedBy = { userId: 'support', tenantId: null };
      const begun = await sessions.signIn({ userId: 'customer', tenantId: 'red', impersonatedBy });
      const twin = { userId: 'support', tenantId: 'red' };
      const other = await sessions.signIn({ userId: 'customer', tenantId: 'red', impersonatedBy: twin });
      expect(begun.session.impersonator).toEqual(impersonatedBy);
      expect(ids(await support.get('/admin/sessions')).toSorted()).toEqual(
        [support.sessionId, begun.session.id].toSorted(),
      );
      const { text } = await support.get(`/admin/sessions/${begun.session.id}`);
      expect(text).not.toContain('support');
      for (const id of [own.sessionId, other.session.id]) {
        expectProblem(await support.del(`/admin/sessions/${id}`), 'SESSION_NOT_FOUND');
      }
      expect((await revoke({ filter: { userId: 'customer' } }, support)).body).toMatchObject({ revoked: 1 });
      expect(await own.alive()).toBe(200);
    });

    it('[row 42] an owner has the administrators’ routes for their own sessions alone', async () => {
      const owner = await signedIn(node, { userId: 'own' });
      const victim = await signedIn(node, { userId: 'not-own' });
      expect(ids(await owner.get('/admin/sessions'))).toEqual([owner.sessionId]);
      expect(ids(await owner.get('/admin/users/not-own/sessions'))).toEqual([]);
      expect((await revoke({ filter: { status: 'active' }, except: [owner.sessionId] }, owner)).body).toEqual({
        matched: 0,
        revoked: 0,
        more: false,
      });
      expect(await victim.alive()).toBe(200);
    });
  });

  it('[row 44] a right over everybody’s sessions is none over settings, where the policy says nothing of them', async () => {
    const change = { version: 0, settings: { strategy: 'None' }, reason: 'test' };
    for (const answer of [
      await admin.get('/admin/settings'),
      await admin.get('/admin/settings/history'),
      await admin.request('PUT', '/admin/settings', { body: change }),
      await admin.del('/admin/settings?version=0&reason=test'),
    ]) {
      expectProblem(answer, 'FORBIDDEN');
    }
    expect(await sql(node, 'SELECT FROM identity_session_setting')).toEqual([]);
  });

  describe('a bulk revocation', () => {
    it('tells before what it would do, ends no more than it may, and goes on where it stopped', async () => {
      const userId = randomUUID();
      const clients = await crowd({ userId }, 6);
      const [spared] = clients;
      const filter = { userId };
      const except = [spared!.sessionId];
      await flushTouches(node);
      const before = await checksum(node);
      expect((await revoke({ filter, except, dryRun: true })).body).toEqual({ matched: 5, revoked: 0, more: false });
      expect((await revoke({ filter, except, dryRun: true, max: 2 })).body).toEqual({
        matched: 5,
        revoked: 0,
        more: true,
      });
      expect(await checksum(node)).toBe(before);
      expect((await revoke({ filter, except, max: 2 })).body).toEqual({ matched: 5, revoked: 2, more: true });
      expect((await revoke({ filter, except, max: 3 })).body).toEqual({ matched: 3, revoked: 3, more: false });
      expect((await revoke({ filter, except })).body).toEqual({ matched: 0, revoked: 0, more: false });
      for (const client of clients) expect(await client.alive()).toBe(client === spared ? 200 : 401);
      const reasons = await sql(node, 'SELECT DISTINCT end_reason, ended_by FROM identity_session WHERE user_id = $1', [
        userId,
      ]);
      expect(reasons).toContainEqual({ end_reason: 'test', ended_by: 'admin' });
    });

    it('counts each session once, however many end the same ones at once', async () => {
      const userId = randomUUID();
      await crowd({ userId }, 12);
      const answers = await Promise.all(Array.from({ length: 4 }, () => revoke({ filter: { userId } })));
      expect(answers.map(({ body }) => body.revoked).reduce((sum, one) => sum + one)).toBe(12);
      for (const { status, body } of answers) {
        expect(status).toBe(200);
        expect(body.revoked).toBeLessThanOrEqual(body['matched'] as number);
      }
    });

    it.each<[string, unknown]>([
      ['without a filter', { reason: 'x' }],
      ['with an empty filter', { filter: {}, reason: 'x' }],
      ['without a reason', { filter: { userId: 'victim' } }],
      ['with an empty reason', { filter: { userId: 'victim' }, reason: ' ' }],
      ['of what has ended', { filter: { status: 'revoked' }, reason: 'x' }],
      ['by what is no condition', { filter: { scope: { kind: 'all' } }, reason: 'x' }],
      ['with a scope', { filter: { userId: 'victim' }, scope: { kind: 'all' }, reason: 'x' }],
      ['by an actor', { filter: { userId: 'victim' }, by: 'nobody', reason: 'x' }],
      ['by an empty list of ids', { filter: { ids: [] }, reason: 'x' }],
      ['by a list of lists', { filter: { ids: [['x']] }, reason: 'x' }],
      ['by ids in braces', { filter: { ids: [`{${NOBODY}}`] }, reason: 'x' }],
      ['by ids in upper case', { filter: { ids: [NOBODY.toUpperCase()] }, reason: 'x' }],
      ['by what is no id', { filter: { ids: ['-1', '%2e%2e%2f', 'NaN'] }, reason: 'x' }],
      ['by a number', { filter: { userId: 1 }, reason: 'x' }],
      ['by nothing', { filter: { userId: null }, reason: 'x' }],
      ['by a lone surrogate', '{"filter":{"userId":"\\ud800"},"reason":"x"}'],
      ['by a NUL', { filter: { q: '\0' }, reason: 'x' }],
      ['by a constructor', '{"filter":{"constructor":{"userId":"victim"}},"reason":"x"}'],
      ['of no more than none', { filter: { userId: 'victim' }, reason: 'x', max: 0 }],
      ['of fewer than none', { filter: { userId: 'victim' }, reason: 'x', max: -1 }],
      ['of more than may be', { filter: { userId: 'victim' }, reason: 'x', max: 1e9 }],
      ['of a half', { filter: { userId: 'victim' }, reason: 'x', max: 1.5 }],
      ['that is perhaps dry', { filter: { userId: 'victim' }, reason: 'x', dryRun: 'true' }],
      ['that spares a text', { filter: { userId: 'victim' }, reason: 'x', except: 'me' }],
    ])('[row 46] %s is refused, and nothing changes', async (_what, body) => {
      const victim = await signedIn(node, { userId: 'victim' });
      const headers = { 'content-type': 'application/json' };
      const answer = await admin.request('POST', '/admin/sessions/revoke', { body, headers });
      expectProblem(answer, 'VALIDATION_FAILED', ['errors']);
      expect(await victim.alive()).toBe(200);
    });

    it('[row 46] by a prototype is refused, and nothing changes', async () => {
      const victim = await signedIn(node, { userId: 'victim' });
      const body = '{"filter":{"__proto__":{"userId":"victim"}},"reason":"x"}';
      // One of the frameworks refuses the key by itself.
      const headers = { 'content-type': 'application/json' };
      expect((await admin.request('POST', '/admin/sessions/revoke', { body, headers })).status).toBe(400);
      expect(await victim.alive()).toBe(200);
    });

    it('of a million ids, or of more than a page of them, is refused in a moment', async () => {
      for (const count of [1_001, 1_000_000]) {
        const list = Array.from({ length: count }, () => `"${NOBODY}"`).join(',');
        const body = `{"filter":{"ids":[${list}]},"reason":"x"}`;
        const headers = { 'content-type': 'application/json', cookie: admin.cookie ?? '' };
        const before = process.memoryUsage().heapUsed;
        const answer = await send(node.url, 'POST', '/admin/sessions/revoke', { body, headers }).catch(
          // The server may close the connection on who keeps on sending.
          () => ({ status: 413 }),
        );
        expectRefused(answer);
        expect(process.memoryUsage().heapUsed - before).toBeLessThan(300_000_000);
      }
      expect(await admin.alive()).toBe(200);
    });
  });

  describe('suspending', () => {
    const act = (client: Client, action: string, body?: object) =>
      admin.post(`/admin/sessions/${client.sessionId}/${action}`, body);

    it('freezes and thaws a session, on the next request, and keeps who, when and why', async () => {
      const user = await signedIn(node, { userId: 'frozen' });
      expect(await user.alive()).toBe(200);
      const frozen = await act(user, 'suspend', { reason: 'odd' });
      expect({ status: frozen.status, state: frozen.body.status }).toEqual({ status: 200, state: 'suspended' });
      expectProblem(await user.me(), 'SESSION_SUSPENDED');
      expect(ids(await admin.get('/admin/sessions?userId=frozen&status=suspended'))).toEqual([user.sessionId]);
      expectProblem(await act(user, 'suspend', { reason: 'again' }), 'ILLEGAL_TRANSITION');
      const thawed = await act(user, 'resume');
      expect({ status: thawed.status, state: thawed.body.status }).toEqual({ status: 200, state: 'active' });
      expect(await user.alive()).toBe(200);
      expectProblem(await act(user, 'resume', {}), 'ILLEGAL_TRANSITION');
      const { body } = await admin.get(`/admin/sessions/${user.sessionId}/events`);
      expect(body.items).toMatchObject([
        { type: 'created', version: 1, reason: null, actor: 'frozen' },
        { type: 'suspended', version: 2, reason: 'odd', actor: 'admin' },
        { type: 'activated', version: 3, reason: 'resumed_by_administrator', actor: 'admin' },
      ]);
    });

    it('[row 10] resumes nothing that waits for its second factor', async () => {
      const user = await signedIn(node, { userId: 'half-way' });
      await setRow(node, user.sessionId, `status = 'pending', holds_slot = false, version = version + 1`);
      expectProblem(await act(user, 'resume'), 'ILLEGAL_TRANSITION');
      expect((await sql(node, 'SELECT status FROM identity_session WHERE id = $1', [user.sessionId]))[0]).toEqual({
        status: 'pending',
      });
    });

    it('keeps the slot: a suspended session counts against the limit and can be ended', async () => {
      const user = await signedIn(node, { userId: 'holder' });
      await act(user, 'suspend', { reason: 'odd' });
      expect((await revoke({ filter: { userId: 'holder' } })).body).toMatchObject({ revoked: 1 });
      expectProblem(await act(user, 'resume'), 'ILLEGAL_TRANSITION');
      expectProblem(await act(user, 'suspend', { reason: 'late' }), 'ILLEGAL_TRANSITION');
      expectProblem(await user.me(), 'SESSION_REVOKED');
    });

    it('[row 46] takes a reason and nothing else, of sessions that there are', async () => {
      const user = await signedIn(node, { userId: 'unharmed' });
      for (const body of [undefined, {}, { reason: '' }, { reason: 'x', status: 'revoked' }, { reason: 1 }]) {
        expectProblem(await act(user, 'suspend', body), 'VALIDATION_FAILED', ['errors']);
      }
      for (const id of [NOBODY, 'x', `%7b${user.sessionId}%7d`, user.sessionId.toUpperCase(), '%00', '-1']) {
        expectProblem(await admin.post(`/admin/sessions/${id}/suspend`, { reason: 'x' }), 'SESSION_NOT_FOUND');
        expectProblem(await admin.post(`/admin/sessions/${id}/resume`), 'SESSION_NOT_FOUND');
      }
      expect(await user.alive()).toBe(200);
    });
  });

  describe('a history', () => {
    it('[row 48] comes in pages without gap or double, of sessions that there are', async () => {
      const user = await signedIn(node, { userId: 'chronicle' });
      for (let n = 0; n < 4; n += 1) await user.patch(`/sessions/${user.sessionId}`, { deviceName: `name ${n}` });
      const path = `/admin/sessions/${user.sessionId}/events`;
      const all = (await admin.get(path)).body;
      expect(all.nextCursor).toBeNull();
      const seen: unknown[] = [];
      let cursor = '';
      do {
        const { body } = await admin.get(`${path}?limit=2${cursor}`);
        seen.push(...body.items);
        cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`;
      } while (cursor !== '');
      expect(seen).toEqual(all.items);
      expect(all.items).toHaveLength(5);
      expectProblem(await admin.get(`/admin/sessions/${NOBODY}/events`), 'SESSION_NOT_FOUND');
    });

    it('[row 48] refuses limits and cursors that are not its own', async () => {
      const path = `/admin/sessions/${admin.sessionId}/events`;
      const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const cursors = [{ e: '-1' }, { e: 1 }, { e: '1 OR 1=1' }, { e: '9'.repeat(19) }, { e: '1', x: 1 }, {}];
      for (const query of [
        'limit=0',
        'limit=-1',
        'limit=1e9',
        'sort=id',
        ...cursors.map((cursor) => `cursor=${encode(cursor)}`),
        `cursor=${encode({ s: '-createdAt', t: 1, i: NOBODY })}`,
      ]) {
        expectProblem(await admin.get(`${path}?${query}`), 'VALIDATION_FAILED', ['errors']);
      }
      expect((await admin.get(`${path}?cursor=${encode({ e: '9'.repeat(18) })}`)).body.items).toEqual([]);
    });
  });
});
