import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import {
  CurrentSession,
  type IdentitySessionError,
  type Session,
  SessionAdminService,
  SessionDataService,
  SessionEvents,
  SessionService,
  type SessionEvent,
} from 'nestjs-identity-session';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { eventually } from '../security/support/time.js';
import { startTestApp, type TestApp } from '../support/app.js';

@Controller()
class DataController {
  constructor(private readonly data: SessionDataService) {}

  @Get('data')
  read(@CurrentSession() session: Session) {
    return this.data.get(session);
  }
}

// Async and with a default, so that both are met by every test.
const schema = z
  .looseObject({ theme: z.enum(['light', 'dark']).default('light'), note: z.string().optional() })
  .refine((data) => Promise.resolve(data.note !== 'forbidden'), { path: ['note'], message: 'is forbidden' });

const nodes: TestApp[] = [];
let statements = 0;

beforeAll(async () => {
  const options = { data: { schema, maxBytes: 2_000 } };
  const controllers = [DataController];
  nodes.push(await startTestApp({ options, controllers, onQuery: () => (statements += 1) }));
  nodes.push(await startTestApp({ options, controllers, joins: nodes[0]! }));
});

afterAll(async () => {
  for (const node of [...nodes].reverse()) await node.close();
});

const of = <T>(node: number, type: new (...args: never[]) => T): T => nodes[node]!.app.get(type);
const data = (node = 0) => of(node, SessionDataService);

let users = 0;
/** Of a user of its own unless one is named. */
async function signIn(input: { userId?: string; data?: Record<string, unknown> } = {}) {
  users += 1;
  return of(0, SessionService).signIn({ userId: `user ${users}`, deviceId: `${users}`, ...input });
}

/** What the next request on a node is answered. */
async function seenOn(node: number, token: string): Promise<unknown> {
  const answer = await fetch(`${nodes[node]!.url}/data`, { headers: { Authorization: `Bearer ${token}` } });
  return answer.json();
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (error as IdentitySessionError).code,
  );

describe('the data of a session', () => {
  it('is what the schema makes of it, from the sign-in on', async () => {
    const { session } = await signIn({ data: { note: 'x' } });
    expect(session.data).toEqual({ theme: 'light', note: 'x' });
    expect(session.dataVersion).toBe(0);
    const refused = signIn({ data: { theme: 'pink' } });
    await expect(refused).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      details: { errors: [{ field: 'data.theme' }] },
    });
  });

  it('is set, merged and removed, and each answer is the new session', async () => {
    const { session } = await signIn();
    const set = await data().set(session, { theme: 'dark', a: { b: 1, c: 2 } });
    expect([set.data, set.dataVersion]).toEqual([{ theme: 'dark', a: { b: 1, c: 2 } }, 1]);
    const merged = await data().merge(session.id, { a: { b: null, d: 3 }, n: 1 });
    expect([merged.data, merged.dataVersion]).toEqual([{ theme: 'dark', a: { c: 2, d: 3 }, n: 1 }, 2]);
    const removed = await data().delete(merged, ['a', 'theme', 'unknown']);
    expect([removed.data, removed.dataVersion]).toEqual([{ theme: 'light', n: 1 }, 3]);
  });

  it('is read without I/O, frozen, and of the newest that the node knows', async () => {
    const { session } = await signIn({ data: { list: [{ x: 1 }] } });
    await data().merge(session, { n: 1 });
    const before = statements;
    const read = data().get(session) as { list: object[]; n?: number };
    expect(read.n).toBe(1);
    expect([read, read.list, read.list[0]].every(Object.isFrozen)).toBe(true);
    expect(data().get(session)).toBe(read);
    expect(statements).toBe(before);
  });

  it('is seen by the next request, here at once and on other nodes by the log', async () => {
    const { session, token } = await signIn();
    for (const node of [0, 1]) expect(await seenOn(node, token)).toEqual({ theme: 'light' });
    await data().merge(session, { n: 1 });
    expect(await seenOn(0, token)).toEqual({ theme: 'light', n: 1 });
    await eventually(async () => ((await seenOn(1, token)) as { n?: number }).n === 1);
  });

  it('of which two nodes change different members at once loses none', async () => {
    const { session, token } = await signIn();
    await seenOn(1, token);
    const names = Array.from({ length: 24 }, (_, n) => `k${n}`);
    await Promise.all(names.map((name, n) => data(n % 2).merge(session, { [name]: n })));
    const found = await of(1, SessionService).find(session.id);
    expect(Object.keys(found!.data).sort()).toEqual([...names, 'theme'].sort());
    expect(found!.dataVersion).toBe(24);
  });

  it('is not overwritten where somebody has changed it after the version that was seen', async () => {
    const { session } = await signIn();
    const seen = await data().merge(session, { n: 1 });
    await data(1).merge(session, { n: 2 });
    for (const change of [
      data().merge(seen, { m: 1 }, { ifVersion: 1 }),
      data().set(seen, { theme: 'dark' }, { ifVersion: 1 }),
      data().delete(seen, ['n'], { ifVersion: 1 }),
      // Also where nothing would change.
      data().merge(seen, { n: 2 }, { ifVersion: 1 }),
    ]) {
      expect(await codeOf(change)).toBe('SESSION_DATA_CONFLICT');
    }
    expect((await data().merge(seen, { m: 1 }, { ifVersion: 2 })).data).toEqual({ theme: 'light', n: 2, m: 1 });
  });

  it('has a version of its own: a rotated token or a new name is no conflict', async () => {
    const { session } = await signIn();
    const { session: rotated } = await of(1, SessionService).rotate(session, { reason: 'test' });
    expect(rotated.dataVersion).toBe(0);
    expect((await data().merge(session, { n: 1 }, { ifVersion: 0 })).dataVersion).toBe(1);
  });

  it('that stays as it is, is not written', async () => {
    const { session } = await signIn({ data: { n: 1 } });
    const same = await data().merge(session, { n: 1 });
    expect([same.version, same.dataVersion]).toEqual([session.version, 0]);
  });

  it.each([
    ['too much', { text: 'x'.repeat(2_000) }],
    ['a key of every object', JSON.parse('{"a":{"__proto__":{"admin":true}}}') as Record<string, unknown>],
    ['NUL', { text: '\0' }],
    ['no JSON', { big: 1n }],
    ['what the schema refuses', { theme: 'pink' }],
    ['what the schema refuses later', { note: 'forbidden' }],
  ])('takes no %s', async (_, patch) => {
    const { session } = await signIn();
    expect(await codeOf(data().merge(session, patch))).toBe('VALIDATION_FAILED');
    expect(await codeOf(data().set(session, patch))).toBe('VALIDATION_FAILED');
    expect((await of(0, SessionService).find(session.id))!.dataVersion).toBe(0);
  });

  it('of a session that has ended, is suspended or unknown cannot be changed', async () => {
    const { session } = await signIn();
    const admin = of(1, SessionAdminService);
    await admin.suspend(session.id, { reason: 'test', by: null });
    expect(await codeOf(data().merge(session, { n: 1 }))).toBe('SESSION_SUSPENDED');
    await admin.revoke(session.id, { reason: 'test', by: null });
    expect(await codeOf(data().merge(session, { n: 1 }))).toBe('SESSION_NOT_FOUND');
    for (const id of ['01890000-0000-7000-8000-000000000000', 'none']) {
      expect(await codeOf(data().merge(id, { n: 1 }))).toBe('SESSION_NOT_FOUND');
    }
  });

  it('is told of by one event with the names of what was changed, and no value', async () => {
    const { session } = await signIn({ data: { a: 1, b: 'secret b', c: { d: 'secret d' } } });
    const heard: SessionEvent[] = [];
    const stop = of(1, SessionEvents).subscribe((event) => heard.push(event));
    await data().merge(session, { a: 1, b: 'secret 2', c: { d: null }, e: 5 }, { reason: 'profile', by: 'alice' });
    const about = () => heard.filter((event) => event.type === 'data_changed' && event.sessionId === session.id);
    await eventually(() => about().length > 0);
    stop();
    expect(about()).toMatchObject([
      { type: 'data_changed', keys: ['b', 'c', 'e'], reason: 'profile', actor: 'alice', version: 2 },
    ]);
    expect(JSON.stringify(heard)).not.toContain('secret');
    const rows = await nodes[0]!.db.dataSource.query<{ details: unknown }[]>(
      `SELECT details FROM identity_session_event WHERE session_id = $1 AND type = 'data_changed'`,
      [session.id],
    );
    expect(rows).toEqual([{ details: { keys: ['b', 'c', 'e'] } }]);
  });

  it("belongs to the caller's transaction", async () => {
    const { session } = await signIn();
    const { manager } = of(0, DataSource);
    await expect(
      manager.transaction(async (inner) => {
        await data().merge(session, { n: 1 }, { manager: inner });
        await data().merge(session, { m: 1 }, { manager: inner });
        expect(data().get(session)).toEqual({ theme: 'light' });
        throw new Error('undone');
      }),
    ).rejects.toThrow('undone');
    expect((await of(1, SessionService).find(session.id))!.dataVersion).toBe(0);
    await manager.transaction(async (inner) => {
      await data().merge(session, { n: 1 }, { manager: inner });
      await data().merge(session, { m: 1 }, { manager: inner, ifVersion: 1 });
    });
    expect((await of(0, SessionService).find(session.id))!.data).toEqual({ theme: 'light', n: 1, m: 1 });
  });
});

describe('a snapshot', () => {
  it('is put back, unless somebody has changed the data since the change that is undone', async () => {
    const { session } = await signIn({ data: { n: 0 } });
    const snapshot = data().snapshot(session);
    expect(snapshot).toEqual({ sessionId: session.id, dataVersion: 0, data: { theme: 'light', n: 0 } });
    const mine = await data().set(session, { theme: 'dark', m: 1 });
    const restored = await data(1).restore(snapshot, { ifVersion: mine.dataVersion });
    expect([restored.data, restored.dataVersion]).toEqual([{ theme: 'light', n: 0 }, 2]);
    const again = await data().merge(session, { n: 1 });
    await data(1).merge(session, { theirs: true });
    expect(await codeOf(data().restore(snapshot, { ifVersion: again.dataVersion }))).toBe('SESSION_DATA_CONFLICT');
    expect((await of(0, SessionService).find(session.id))!.data).toMatchObject({ theirs: true });
  });
});

describe('the data of a user', () => {
  it('is changed in all live sessions, and the next request of each shows it everywhere', async () => {
    const userId = 'renamed';
    const signedIn = [await signIn({ userId }), await signIn({ userId, data: { theme: 'dark' } })];
    const other = await signIn();
    for (const { token } of signedIn) for (const node of [0, 1]) await seenOn(node, token);
    const subject = { userId, tenantId: null };
    expect(await data(1).setUserData(subject, { role: 'admin' }, { reason: 'role_changed', by: 'root' })).toBe(2);
    for (const { token } of signedIn) expect(await seenOn(1, token)).toMatchObject({ role: 'admin' });
    for (const { token } of signedIn) {
      await eventually(async () => ((await seenOn(0, token)) as { role?: string }).role === 'admin');
    }
    expect(await seenOn(0, other.token)).toEqual({ theme: 'light' });
    expect(await data().setUserData(subject, { role: 'admin' })).toBe(0);
    expect(await data().deleteUserData(subject, ['role'])).toBe(2);
    expect(await seenOn(0, signedIn[1]!.token)).toEqual({ theme: 'dark' });
  });

  it('is changed in a session too that is just being made', async () => {
    const userId = 'arriving';
    await signIn({ userId });
    const { manager } = of(0, DataSource);
    const changing = await manager.transaction(async (inner) => {
      await of(0, SessionService).signIn({ userId, deviceId: 'second' }, { manager: inner });
      const change = data(1).setUserData({ userId, tenantId: null }, { role: 'admin' });
      await eventually(async () => {
        const waiting = await nodes[0]!.db.dataSource.query<object[]>(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`,
        );
        return waiting.length > 0;
      });
      return { change };
    });
    expect(await changing.change).toBe(2);
    const sessions = await of(1, SessionService).list({ userId, tenantId: null });
    expect(sessions.map((session) => session.data['role'])).toEqual(['admin', 'admin']);
  });

  it('is changed nowhere where one session cannot hold it', async () => {
    const userId = 'full';
    const small = await signIn({ userId });
    await signIn({ userId, data: { text: 'x'.repeat(1_900) } });
    const subject = { userId, tenantId: null };
    expect(await codeOf(data().setUserData(subject, { more: 'x'.repeat(100) }))).toBe('VALIDATION_FAILED');
    expect(await codeOf(data().setUserData(subject, { theme: 'pink' }))).toBe('VALIDATION_FAILED');
    expect((await of(1, SessionService).find(small.session.id))!.dataVersion).toBe(0);
  });

  it('is changed beside bulk ends of the same sessions without a deadlock, and page by page', async () => {
    const userId = 'many';
    const { dataSource } = nodes[0]!.db;
    const first = await signIn({ userId });
    await dataSource.query(
      `INSERT INTO identity_session (id, tenant_id, user_id, device_type, status, scope_keys, token_digest, rotation_salt,
         assurance, remember_me, created_at, authenticated_at, last_accessed_at, idle_timeout_ms, expires_at, due_at, data)
       SELECT gen_random_uuid(), tenant_id, user_id, device_type, status, scope_keys, token_digest, rotation_salt,
         assurance, remember_me, created_at, authenticated_at, last_accessed_at, idle_timeout_ms, expires_at, due_at, data
       FROM identity_session, generate_series(1, 1_200) WHERE id = $1`,
      [first.session.id],
    );
    const subject = { userId, tenantId: null };
    await seenOn(0, first.token);
    expect(await data().setUserData(subject, { round: 0 })).toBe(1_201);
    expect(await seenOn(0, first.token)).toMatchObject({ round: 0 });
    const [changed, { revoked }] = await Promise.all([
      data(1).setUserData(subject, { round: 1 }),
      of(0, SessionAdminService).revokeMatching({ filter: { userId }, max: 600, reason: 'test', by: null }),
      data(0).setUserData(subject, { other: 1 }),
    ]);
    expect(revoked).toBe(600);
    expect(changed).toBeGreaterThanOrEqual(601);
    const live = { filter: { userId }, dryRun: true, reason: 'test', by: null };
    expect((await of(0, SessionAdminService).revokeMatching(live)).matched).toBe(601);
    const rows = await dataSource.query<{ n: number }[]>(
      `SELECT count(*)::int AS n FROM identity_session
       WHERE user_id = 'many' AND status = 'active' AND data @> '{"round": 1, "other": 1}'`,
    );
    expect(rows[0]!.n).toBe(601);
  });
});
