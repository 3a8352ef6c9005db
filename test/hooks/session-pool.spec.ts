import { Injectable } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type PoolState,
  type Session,
  SessionAdminService,
  type SessionHooks,
  SessionMetrics,
  SessionPool,
  SessionService,
} from 'nestjs-identity-session';
import { InMemorySessionStore } from 'nestjs-identity-session/testing';
import { NodeHeartbeat } from '../../libs/session/src/nest/stats/node-heartbeat.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { until } from './support/until.js';

const seen: PoolState[] = [];

@Injectable()
class Watching implements SessionHooks {
  constructor(private readonly pool: SessionPool) {}

  afterSignIn(_session: Session): void {
    seen.push(this.pool.state());
  }
}

describe('the pool of sessions', () => {
  const statements: string[] = [];
  let app: TestApp;
  let other: TestApp;

  const start = (nodeName: string, joins?: TestApp) =>
    startTestApp({
      extras: { hooks: [Watching] },
      options: { nodeName, policy: [{ scope: 'subject', limit: 2, whenFull: 'evict-oldest' }] },
      onQuery: (sql) => statements.push(sql),
      ...(joins === undefined ? {} : { joins }),
    });

  beforeAll(async () => {
    app = await start('one');
    other = await start('two', app);
  });
  afterAll(async () => {
    await other.close();
    await app.close();
  });

  const signIn = async (node: TestApp, userId: string) =>
    (await node.app.get(SessionService).signIn({ userId })).session;

  it('is read in a hook: what this node has begun and ended since it was started, by cause', async () => {
    for (let n = 0; n < 3; n += 1) await signIn(app, 'ann');
    const gone = await signIn(app, 'bob');
    const admin = app.app.get(SessionAdminService);
    await admin.revoke(gone.id, { reason: 'test', by: 'root' });
    await expect(
      admin.revokeAll({ filter: { userId: 'ann', scope: { kind: 'all' } }, reason: 'x', by: null }),
    ).resolves.toMatchObject({ revoked: 2 });
    await signIn(app, 'cy');
    await until('the hook has seen it', () => seen.length === 5);
    const { node } = app.app.get(SessionPool).state();
    expect(seen.at(-1)?.node).toEqual(node);
    expect(node).toEqual({
      ...{ name: 'one', created: 5, ended: 4, connections: 0, inMemory: expect.any(Number) },
      endedAs: { signed_out: 0, expired: 0, evicted: 1, revoked: 3, rejected: 0 },
    });
    const metrics = app.app.get(SessionMetrics).collect();
    const valueOf = (name: string, status?: string) =>
      metrics.find((one) => one.name === `identity_session_${name}` && one.labels?.['status'] === status)?.value;
    expect([valueOf('created_total'), valueOf('ended_total', 'revoked')]).toEqual([5, 3]);
  });

  it('tells of all nodes by their last signs of life, and what lives', async () => {
    await signIn(other, 'dan');
    const pool = other.app.get(SessionPool);
    await until('both have given a sign of life', async () => {
      // One that is under way is not given twice.
      for (const node of [app, other]) await node.app.get(NodeHeartbeat).beat();
      const { whole } = await pool.refresh();
      return (whole?.nodes ?? []).map(({ created }) => created).join() === '5,1';
    });
    const { whole, node } = pool.state();
    expect(node).toMatchObject({ name: 'two', created: 1, ended: 0 });
    expect(whole).toMatchObject({
      live: 2,
      nodes: [
        { name: 'one', created: 5, ended: 4, connections: 0 },
        { name: 'two', created: 1, ended: 0, connections: 0 },
      ],
    });
    expect(whole?.ageMs).toBeLessThan(60_000);
  });

  it('asks the database no more often than once in ten seconds, however often it is read', async () => {
    const pool = other.app.get(SessionPool);
    await pool.refresh();
    statements.length = 0;
    for (let n = 0; n < 20; n += 1) {
      pool.state();
      await other.db.dataSource.query('SELECT 1');
    }
    expect(statements.filter((sql) => sql.includes('FROM identity_session_node WHERE'))).toEqual([]);
  });

  it('knows this node alone until it was counted', async () => {
    const own = await startTestApp({ joins: app, options: { store: new InMemorySessionStore(), nodeName: 'three' } });
    const pool = own.app.get(SessionPool);
    expect(pool.state()).toMatchObject({ node: { name: 'three', created: 0 }, whole: null });
    await pool.refresh();
    expect(pool.state().whole).toMatchObject({ live: 0 });
    await own.close();
  });
});
