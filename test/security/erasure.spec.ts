import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ErasureAccessPolicy,
  PostgresSessionStore,
  type Session,
  SessionAdminService,
  SessionDataService,
  type SettingsScope,
} from 'nestjs-identity-session';
import { startTestApp, TestAccessPolicy, type TestApp } from '../support/app.js';
import { type Client, signedIn } from './support/client.js';
import { expectProblem } from './support/expectations.js';
import { dump, sql } from './support/rows.js';
import { eventually } from './support/time.js';

const NOTE = { reason: 'requested', by: 'officer', tenantId: null };

/** Whoever may administrate may erase, but for `admin@reader`. */
class Rules extends TestAccessPolicy implements ErasureAccessPolicy {
  erasureScopeFor(actor: Session): SettingsScope | null {
    return actor.userId === 'admin@reader' ? null : this.scopeFor(actor);
  }
}

describe('the erasure of a user', () => {
  let node: TestApp;
  let other: TestApp;
  let admin: Client;
  let service: SessionAdminService;

  beforeAll(async () => {
    node = await startTestApp({ extras: { accessPolicy: Rules }, options: { history: { dataValues: true } } });
    other = await startTestApp({ joins: node, extras: { accessPolicy: TestAccessPolicy } });
    admin = await signedIn(node, { userId: 'admin' });
    service = node.app.get(SessionAdminService);
  });
  afterAll(async () => {
    await other.close();
    await node.close();
  });

  /** A user who has left a trace wherever there is room for one; every text of theirs contains the mark. */
  async function traced(tenantId: string | null = null) {
    const mark = `canary${randomUUID().replaceAll('-', '')}`;
    const userId = `${mark}@example.test`;
    const sign = { userId, tenantId, deviceName: `${mark} phone`, deviceId: `${mark} id`, userAgent: `${mark} agent` };
    const [first, live] = [
      await signedIn(node, { ...sign, ip: '203.0.113.77', data: { [`${mark}key`]: `${mark} value` } }),
      await signedIn(node, { ...sign, ip: '203.0.113.77', data: {} }),
    ];
    await first.patch(`/sessions/${first.sessionId}`, { deviceName: `${mark} renamed` });
    const data = node.app.get(SessionDataService);
    await data.merge(
      first.sessionId,
      { [`${mark}key`]: `${mark} new` },
      { reason: `${mark} why`, tags: [`${mark} tag`] },
    );
    const context = { source: 'code', ip: '203.0.113.77', idempotencyKey: `${mark} k`, tags: [`${mark} tag`] };
    await service.suspend(first.sessionId, { reason: `${mark} odd`, by: userId, ...context });
    await service.revoke(first.sessionId, { reason: `${mark} gone`, by: userId, ...context });
    const subject = { userId, tenantId: tenantId ?? '' };
    await sql(
      node,
      `INSERT INTO identity_session_question VALUES (sha256($1::text::bytea), $2, $1, now() + interval '1 hour')`,
      [userId, subject.tenantId],
    );
    await sql(
      node,
      `INSERT INTO identity_session_dead_letter (listener, event_id, event, error, attempts, at)
       VALUES ('mail', 1, jsonb_build_object('userId', $1::text, 'tenantId', $2::text, 'reason', $3::text, 'keys', jsonb_build_array($3::text)), $3, 3, now())`,
      [userId, tenantId, `${mark} failed`],
    );
    return { mark, userId, tenantId, first, live };
  }

  it('ends what lives and leaves no trace of them in any table, and everything of everybody else', async () => {
    const bystander = await traced();
    const { mark, userId, first, live } = await traced();
    expect(await dump(node)).toContain(mark);
    const before = (await dump(node)).split(bystander.mark).length;
    const result = await service.eraseUser(userId, NOTE);
    expect(result).toMatchObject({ ended: 1, sessions: 2 });
    expect(result.entries).toBeGreaterThanOrEqual(7);
    const left = await dump(node);
    expect(left).not.toContain(mark);
    expect(left.split(bystander.mark)).toHaveLength(before);
    expect([await live.alive(), await bystander.live.alive()]).toEqual([401, 200]);
    const rows = await sql(node, 'SELECT initial_ip, last_ip, data FROM identity_session WHERE id = ANY ($1)', [
      [first.sessionId, live.sessionId],
    ]);
    expect(rows).toEqual([1, 2].map(() => ({ initial_ip: null, last_ip: null, data: {} })));
    const found = await service.find(live.sessionId);
    expect(found).toMatchObject({ endReason: 'erased', status: 'revoked', deviceName: null });
    expect(found?.userId).toMatch(/^erased-/);
  });

  it('leaves what happened when, and that somebody was erased, by whom and why', async () => {
    const { userId, first } = await traced();
    await service.eraseUser(userId, NOTE);
    const { body } = await admin.get(`/admin/sessions/${first.sessionId}/events`);
    const entries = body.items as unknown as Record<string, unknown>[];
    // One that is used by another user agent than it began with has drifted as well, whenever that is written down.
    expect(entries.map(({ type }) => type).filter((type) => type !== 'drifted')).toEqual([
      ...['created', 'renamed', 'data_changed', 'suspended', 'revoked', 'erased'],
    ]);
    for (const entry of entries) expect(entry).not.toHaveProperty('ip');
    expect(entries.every(({ reason }) => reason === null)).toBe(true);
    const [record] = await sql(
      node,
      `SELECT user_id, session_id, reason, actor, details FROM identity_session_event
       WHERE type = 'user_erased' ORDER BY id DESC LIMIT 1`,
    );
    expect(record).toEqual({
      ...{ user_id: null, session_id: null, reason: 'requested', actor: 'officer' },
      details: { sessions: 2, entries: expect.any(Number) },
    });
    expect((await admin.get(`/admin/users/${encodeURIComponent(userId)}/events`)).body.items).toEqual([]);
  });

  it('goes on where a crash has left it, and finds nothing once it is done', async () => {
    const { mark, userId } = await traced();
    await service.revokeAll({ reason: 'first', by: null, filter: { userId } });
    const store = PostgresSessionStore.on(node.db.dataSource);
    const step = () => store.erasePage({ userId, tenantId: null, pseudonym: 'half-erased' }, { reason: 'r', by: null });
    expect((await step()).isDone).toBe(false);
    expect(await dump(node)).toContain(mark);
    const { sessions, entries } = await service.eraseUser(userId, NOTE);
    expect([sessions, entries > 0]).toEqual([0, true]);
    expect(await dump(node)).not.toContain(mark);
    expect(await service.eraseUser(userId, NOTE)).toEqual({ ended: 0, sessions: 0, entries: 0 });
  });

  it('is done once when several ask for it at the same moment, and then nothing is left', async () => {
    const { mark, userId } = await traced();
    const results = await Promise.all([1, 2, 3, 4].map(() => service.eraseUser(userId, NOTE)));
    expect(results.reduce((sum, { sessions }) => sum + sessions, 0)).toBe(2);
    expect(await dump(node)).not.toContain(mark);
  });

  it('ends who signs in meanwhile too, and does not take them for protected', async () => {
    const userId = `${randomUUID()}@example.test`;
    const store = PostgresSessionStore.on(node.db.dataSource);
    const count = store.count.bind(store);
    let times = 0;
    store.count = async (filter) => {
      if (filter.userId === userId && (times += 1) === 1) await signedIn(node, { userId });
      return count(filter);
    };
    const third = await startTestApp({ joins: node, options: { store } });
    try {
      const result = await third.app.get(SessionAdminService).eraseUser(userId, NOTE);
      expect(result).toMatchObject({ ended: 1, sessions: 1 });
    } finally {
      await third.close();
    }
  });

  it('hides no end from another node: what it knew is refused there as soon as it has read the log', async () => {
    const { userId, live } = await traced();
    const there = live.at(other);
    expect(await there.alive()).toBe(200);
    await service.eraseUser(userId, NOTE);
    await eventually(async () => (await there.alive()) === 401);
  });

  it('ends and erases what a cut-off has ended without anybody having written it down', async () => {
    const { mark, userId, live } = await traced();
    await service.cutOff({ userId, tenantId: null, reason: `${mark} cut`, by: userId });
    await sql(
      node,
      `UPDATE identity_session_cut_off SET not_before = not_before - interval '2 hours' WHERE user_id = $1`,
      [userId],
    );
    await sql(node, `UPDATE identity_session SET created_at = created_at - interval '3 hours' WHERE id = $1`, [
      live.sessionId,
    ]);
    await sql(node, `UPDATE identity_session_event SET at = at - interval '2 hours' WHERE user_id = $1`, [userId]);
    await service.eraseUser(userId, NOTE);
    expect(await dump(node)).not.toContain(mark);
  });

  it('[row 44] takes a right of its own, and stays within it', async () => {
    const here = await traced('red');
    const there = { ...(await traced('blue')), userId: here.userId };
    const path = `/admin/users/${encodeURIComponent(here.userId)}/data`;
    const [red, blue] = [await signedIn(node, { userId: 'admin@red' }), await signedIn(node, { userId: 'admin@blue' })];
    const reader = await signedIn(node, { userId: 'admin@reader' });
    for (const by of [reader, here.live]) expectProblem(await by.del(path), 'FORBIDDEN');
    // A policy that says nothing of erasures grants none, whatever else it grants.
    const elsewhere = await signedIn(other, { userId: 'admin' });
    expectProblem(await elsewhere.del(`${path}?tenantId=red`), 'FORBIDDEN');
    expectProblem(await blue.del(`${path}?tenantId=red`), 'FORBIDDEN');
    expect((await blue.del(path)).body).toEqual({ ended: 0, sessions: 0, entries: 0 });
    // Everybody's administrator says which tenant's user is meant.
    expect((await admin.del(path)).body).toEqual({ ended: 0, sessions: 0, entries: 0 });
    expect([await here.live.alive(), await there.live.alive()]).toEqual([200, 200]);
    expect((await red.del(`${path}?reason=requested`)).body).toMatchObject({ ended: 1, sessions: 2 });
    expect(await dump(node)).not.toContain(here.mark);
    expect(await there.live.alive()).toBe(200);
  });
});
