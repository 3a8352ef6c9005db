import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Answer, type Client, send, signedIn } from './support/client.js';
import { expectProblem } from './support/expectations.js';
import { sql } from './support/rows.js';

const ids = ({ body }: Answer): string[] => body.items.map(({ id }) => id).toSorted();

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;
  let admin: Client;
  let tenantAdmin: Client;

  beforeAll(async () => {
    node = await startTestApp({ adapter });
    admin = await signedIn(node, { userId: 'admin' });
    tenantAdmin = await signedIn(node, { userId: 'admin@red', tenantId: 'red' });
  });
  afterAll(() => node.close());

  /** A victim, and somebody else; the row of the victim must come out as it went in. */
  const untouched = async (victim: Client, attack: () => Promise<void>): Promise<void> => {
    const rowOf = () => sql(node, 'SELECT xmin::text, s.* FROM identity_session s WHERE id = $1', [victim.sessionId]);
    const before = await rowOf();
    await attack();
    expect(await rowOf()).toEqual(before);
    expect(await victim.alive()).toBe(200);
  };

  it('[row 42] the session of another user answers the same 404 as an unknown one, and it lives', async () => {
    const victim = await signedIn(node, { userId: 'victim' });
    const attacker = await signedIn(node, { userId: 'attacker' });
    const unknown = randomUUID();
    await untouched(victim, async () => {
      for (const act of [
        (id: string) => attacker.del(`/sessions/${id}`),
        (id: string) => attacker.patch(`/sessions/${id}`, { deviceName: 'mine now' }),
      ]) {
        const [foreign, none] = [await act(victim.sessionId), await act(unknown)];
        expectProblem(foreign, 'SESSION_NOT_FOUND');
        expect(foreign.text.replaceAll(victim.sessionId, unknown)).toBe(none.text);
        expect({ ...foreign.headers, date: '', etag: '' }).toEqual({ ...none.headers, date: '', etag: '' });
      }
    });
  });

  it.each([
    ['of the same name in another tenant', { userId: 'twin', tenantId: 'red' }, { userId: 'twin', tenantId: 'blue' }],
    ['of the same name without a tenant', { userId: 'twin', tenantId: 'red' }, { userId: 'twin' }],
    ['whose name only differs in case', { userId: 'casey' }, { userId: 'Casey' }],
    ['whose name ends in a space', { userId: 'spacey' }, { userId: 'spacey ' }],
    ['whose name looks the same in another normal form', { userId: 'caf\u00e9' }, { userId: 'cafe\u0301' }],
    ['whose name and tenant read alike', { userId: '1', tenantId: 'A' }, { userId: 'A:1' }],
    ['whose name is a wildcard', { userId: 'wild' }, { userId: '*' }],
    ['whose name is a pattern', { userId: 'user:wild' }, { userId: 'user:*' }],
    ['whose name is a SQL pattern', { userId: 'like' }, { userId: 'l%' }],
    ['whose name is a placeholder', { userId: 'x' }, { userId: '{x}' }],
  ])('[row 42] a user %s neither sees nor ends the sessions of the other', async (_what, one, two) => {
    const victim = await signedIn(node, one);
    const attacker = await signedIn(node, two);
    await untouched(victim, async () => {
      expect(ids(await attacker.get('/sessions'))).not.toContain(victim.sessionId);
      expectProblem(await attacker.del(`/sessions/${victim.sessionId}`), 'SESSION_NOT_FOUND');
      expect((await attacker.del('/sessions')).status).toBe(200);
      const name = encodeURIComponent(two.userId);
      if (two.userId !== one.userId) {
        const listed = await admin.get(`/admin/users/${name}/sessions`);
        expect(ids(listed)).toContain(attacker.sessionId);
        expect(ids(listed)).not.toContain(victim.sessionId);
        expect((await admin.del(`/admin/users/${name}/sessions`)).body.revoked).toBeGreaterThan(0);
      }
    });
  });

  it('[row 42] ending all of one’s own reaches nobody else', async () => {
    const victim = await signedIn(node, { userId: 'bystander' });
    const user = await signedIn(node, { userId: 'tidy' });
    const other = await signedIn(node, { userId: 'tidy' });
    await untouched(victim, async () => {
      expect((await user.del('/sessions?includeCurrent=true')).body).toEqual({ revoked: 2 });
    });
    expect(await other.alive()).toBe(401);
  });

  it('[row 43] a session of A below the path of B is 404, and it lives', async () => {
    const victim = await signedIn(node, { userId: 'A' });
    await signedIn(node, { userId: 'B' });
    await untouched(victim, async () => {
      for (const other of ['B', 'a', 'nobody', '*', 'A%00', 'A%20']) {
        expectProblem(await admin.del(`/admin/users/${other}/sessions/${victim.sessionId}`), 'SESSION_NOT_FOUND');
      }
    });
    expect((await admin.del(`/admin/users/A/sessions/${victim.sessionId}`)).status).toBe(204);
  });

  it('[row 44] an administrator of a tenant neither sees nor ends anything outside of it, one by one or in bulk', async () => {
    const victims = [
      await signedIn(node, { userId: 'shared', tenantId: 'blue' }),
      await signedIn(node, { userId: 'shared' }),
    ];
    const inside = await signedIn(node, { userId: 'shared', tenantId: 'red' });
    for (const victim of victims) {
      await untouched(victim, async () => {
        for (const path of [
          `/admin/sessions/${victim.sessionId}`,
          `/admin/users/shared/sessions/${victim.sessionId}`,
        ]) {
          expectProblem(await tenantAdmin.del(path), 'SESSION_NOT_FOUND');
        }
        const path = `/admin/sessions/${victim.sessionId}`;
        expectProblem(await tenantAdmin.get(`${path}/events`), 'SESSION_NOT_FOUND');
        expectProblem(await tenantAdmin.post(`${path}/suspend`, { reason: 'x' }), 'SESSION_NOT_FOUND');
        expectProblem(await tenantAdmin.post(`${path}/resume`), 'SESSION_NOT_FOUND');
        for (const filter of [
          { ids: [victim.sessionId] },
          { tenantId: 'blue' },
          { q: victim.sessionId },
          { userId: 'shared', tenantId: 'blue' },
        ]) {
          const bulk = await tenantAdmin.post('/admin/sessions/revoke', { filter, reason: 'x' });
          expect(bulk.body).toEqual({ matched: 0, revoked: 0, more: false });
        }
        expectProblem(await tenantAdmin.get(`/admin/sessions/${victim.sessionId}`), 'SESSION_NOT_FOUND');
        for (const query of [
          '',
          '?userId=shared',
          `?q=${victim.sessionId}`,
          '?ip=127.0.0.1',
          '?tenantId=blue',
          '?tenantId=blue&userId=shared',
        ]) {
          expect(ids(await tenantAdmin.get(`/admin/sessions${query}`))).not.toContain(victim.sessionId);
        }
        expect(ids(await tenantAdmin.get('/admin/users/shared/sessions'))).not.toContain(victim.sessionId);
        await tenantAdmin.del('/admin/users/shared/sessions');
      });
    }
    expectProblem(await inside.me(), 'SESSION_REVOKED');
  });

  it('[row 42] the routes of the module are guarded in an application that guards nothing by itself', async () => {
    const open = await startTestApp({ adapter, joins: node, extras: { globalGuard: false } });
    try {
      const user = await signedIn(open, { userId: 'owner' });
      for (const [method, path] of [
        ['GET', '/sessions'],
        ['GET', '/sessions/current'],
        ['DELETE', '/sessions'],
        ['PATCH', `/sessions/${user.sessionId}`],
        ['DELETE', `/sessions/${user.sessionId}`],
        ['GET', '/admin/sessions'],
        ['GET', `/admin/sessions/${user.sessionId}`],
        ['DELETE', `/admin/sessions/${user.sessionId}`],
        ['GET', `/admin/sessions/${user.sessionId}/events`],
        ['POST', '/admin/sessions/revoke'],
        ['POST', `/admin/sessions/${user.sessionId}/suspend`],
        ['POST', `/admin/sessions/${user.sessionId}/resume`],
        ['GET', '/admin/users/owner/sessions'],
        ['DELETE', '/admin/users/owner/sessions'],
        ['DELETE', `/admin/users/owner/sessions/${user.sessionId}`],
      ] as const) {
        expectProblem(await send(open.url, method, path), 'SESSION_MISSING');
      }
      expect(ids(await user.get('/sessions'))).toEqual([user.sessionId]);
    } finally {
      await open.close();
    }
  });

  it('[row 42] who may not administrate is refused before anything is looked up', async () => {
    const user = await signedIn(node, { userId: 'plain' });
    const victim = await signedIn(node, { userId: 'governed' });
    const routes = [
      ['GET', '/admin/sessions'],
      ['GET', `/admin/sessions/${victim.sessionId}`],
      ['DELETE', `/admin/sessions/${victim.sessionId}`],
      ['DELETE', `/admin/sessions/${randomUUID()}`],
      ['GET', `/admin/sessions/${victim.sessionId}/events`],
      ['GET', '/admin/users/governed/sessions'],
      ['DELETE', '/admin/users/governed/sessions'],
      ['DELETE', `/admin/users/governed/sessions/${victim.sessionId}`],
    ] as const;
    await untouched(victim, async () => {
      const asked = { reason: 'x' };
      for (const [path, body] of [
        ['/admin/sessions/revoke', { ...asked, filter: { userId: 'governed' } }],
        [`/admin/sessions/${victim.sessionId}/suspend`, asked],
        [`/admin/sessions/${victim.sessionId}/resume`, {}],
      ] as const) {
        expectProblem(await user.post(path, body), 'FORBIDDEN');
      }
      for (const [method, path] of routes) {
        expectProblem(await user.request(method, path), 'FORBIDDEN');
        expectProblem(await send(node.url, method, path), 'SESSION_MISSING');
      }
    });
  });
});
