import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InMemorySessionStore } from 'nestjs-identity-session/testing';
import { type SessionCounts, SessionAdminService, SessionCleanup, SessionPool } from 'nestjs-identity-session';
import { type Client, signedIn } from '../../../../../test/security/support/client.js';
import { sql } from '../../../../../test/security/support/rows.js';
import { flushTouches } from '../../../../../test/security/support/time.js';
import { startTestApp, type TestApp } from '../../../../../test/support/app.js';
import type { SessionScope } from '../../store/session-store.js';
import { NodeHeartbeat } from './node-heartbeat.js';
import { NodePresence } from './node-presence.js';
import { SessionStatisticsCounter } from './session-statistics.js';

const ALL: SessionScope = { kind: 'all' };
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe('GET /admin/stats', () => {
  let home: TestApp;
  let admin: Client;

  beforeAll(async () => {
    home = await startTestApp({ options: { nodeName: 'node-1' } });
    admin = await signedIn(home, { userId: 'admin' });
    await signedIn(home, { userId: 'alice', tenantId: 'blue', clientId: 'app', deviceType: 'mobile' });
    const gone = await signedIn(home, { userId: 'bob', tenantId: 'green' });
    await home.app.get(SessionAdminService).revoke(gone.sessionId, { reason: 'stolen', by: null });
  });
  afterAll(() => home.close());

  it('[row 47] tells exactly the documented keys', async () => {
    await home.app.get(SessionCleanup).run();
    const { status, body } = await admin.get('/admin/stats');
    expect(status).toBe(200);
    expect(body).toEqual({
      live: 2,
      byDeviceType: { mobile: 1, other: 1 },
      byClient: { '': 1, app: 1 },
      signedInLast24h: 3,
      endedLast24h: { stolen: 1 },
      nodes: [{ name: 'node-1', startedAt: expect.stringMatching(ISO), tailLagMs: expect.any(Number), connections: 0 }],
      cleanup: { lastRunAt: expect.stringMatching(ISO), ended: 0, removed: 0 },
    });
  });

  it('[row 44] counts a tenant’s administrator the tenant alone, and shows neither nodes nor the cleanup', async () => {
    const tenantAdmin = await signedIn(home, { userId: 'admin@blue', tenantId: 'blue' });
    const { body } = await tenantAdmin.get('/admin/stats');
    expect(body).toMatchObject({ live: 2, signedInLast24h: 2, endedLast24h: {}, nodes: [], cleanup: null });
  });

  it('is for administrators, takes no parameters and no other method', async () => {
    expect((await (await signedIn(home, { userId: 'nobody' })).get('/admin/stats')).status).toBe(403);
    expect((await admin.get('/admin/stats?tenantId=blue')).status).toBe(400);
    expect((await admin.del('/admin/stats')).status).toBe(405);
  });

  it('shows every node that runs, and one that has stopped no more', async () => {
    const other = await startTestApp({ joins: home, options: { nodeName: 'node-2' } });
    const names = async () =>
      ((await admin.get('/admin/stats')).body['nodes'] as { name: string }[]).map((n) => n.name);
    expect(await names()).toEqual(['node-1', 'node-2']);
    await other.close();
    expect(await names()).toEqual(['node-1']);
    await sql(home, `UPDATE identity_session_node SET seen_at = now() - interval '1 minute'`);
    expect(await names()).toEqual([]);
    await home.app.get(NodeHeartbeat, { strict: false }).beat();
    expect(await names()).toEqual(['node-1']);
  });

  it('and the pool tell of one count', async () => {
    class CountingStore extends InMemorySessionStore {
      counted = 0;

      override countSessions(scope: SessionScope): Promise<SessionCounts> {
        this.counted += 1;
        return super.countSessions(scope);
      }
    }
    const store = new CountingStore();
    const own = await startTestApp({ joins: home, options: { store } });
    const { body } = await (await signedIn(own, { userId: 'admin' })).get('/admin/stats');
    const { whole } = await own.app.get(SessionPool).refresh();
    expect([body['live'], whole?.live, store.counted]).toEqual([1, 1, 1]);
    await own.close();
  });

  it('tells from where a session was used and where it began, within the scope', async () => {
    const user = await signedIn(home, { userId: 'carol', tenantId: 'green', ip: '192.0.2.1' });
    const path = `/admin/sessions/${user.sessionId}/addresses`;
    expect((await user.me()).status).toBe(200);
    await flushTouches(home);
    const { status, body } = await admin.get(path);
    expect(status).toBe(200);
    const seen = { firstSeenAt: expect.stringMatching(ISO), lastSeenAt: expect.stringMatching(ISO) };
    expect(body).toEqual({
      nodeName: 'node-1',
      items: [
        { ip: '127.0.0.1', ...seen },
        { ip: '192.0.2.1', ...seen },
      ],
    });
    const tenantAdmin = await signedIn(home, { userId: 'admin@blue', tenantId: 'blue' });
    expect((await tenantAdmin.get(path)).status).toBe(404);
    expect((await admin.get('/admin/sessions/unknown/addresses')).status).toBe(404);
  });
});

describe('counts', () => {
  class SlowStore extends InMemorySessionStore {
    asked = 0;
    answer: (() => void) | undefined;

    override async countSessions(scope: SessionScope): Promise<SessionCounts> {
      this.asked += 1;
      await new Promise<void>((resolve) => (this.answer = resolve));
      return super.countSessions(scope);
    }
  }

  it('are made once for all who ask at the same time, and told again for a while', async () => {
    const store = new SlowStore();
    const counter = new SessionStatisticsCounter(store, new NodePresence());
    const asked = [counter.of(ALL), counter.of(ALL)];
    store.answer!();
    await Promise.all([...asked, counter.of(ALL)]);
    expect(store.asked).toBe(1);
    const other = counter.of({ kind: 'tenant', tenantId: 'blue' });
    expect(store.asked).toBe(2);
    store.answer!();
    await other;
  });

  it('[row 44] are told within the very scope that they were made for, of whatever kind it is', async () => {
    class CountingStore extends InMemorySessionStore {
      asked: SessionScope[] = [];

      override countSessions(scope: SessionScope): Promise<SessionCounts> {
        this.asked.push(scope);
        return super.countSessions({ kind: 'all' });
      }
    }
    const store = new CountingStore();
    const counter = new SessionStatisticsCounter(store, new NodePresence());
    const delegateOf = (userId: string) => ({ kind: 'users', users: [{ tenantId: null, userId }] }) as unknown;
    const scopes = [
      ALL,
      { kind: 'tenant', tenantId: 'blue' },
      { kind: 'user', tenantId: 'blue', userId: 'alice' },
      { kind: 'user', tenantId: null, userId: 'alice' },
      delegateOf('alice'),
      delegateOf('bob'),
    ] as SessionScope[];
    for (const scope of [...scopes, ...scopes]) await counter.of(scope);
    expect(store.asked).toEqual(scopes);
  });

  it('that fail are not told again', async () => {
    class AwayStore extends InMemorySessionStore {
      override countSessions(scope: SessionScope): Promise<SessionCounts> {
        return fails ? Promise.reject(new Error('away')) : super.countSessions(scope);
      }
    }
    let fails = true;
    const counter = new SessionStatisticsCounter(new AwayStore(), new NodePresence());
    await expect(counter.of(ALL)).rejects.toThrow('away');
    fails = false;
    expect((await counter.of(ALL)).live).toBe(0);
  });
});
