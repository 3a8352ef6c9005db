import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { connect, sessionDatabase } from '../../../../../test/support/session-database.js';
import type { StoredCutOff } from '../../core/cut-off.js';
import type { SessionRecord } from '../../core/session.js';
import { PostgresChangeLog } from '../../sync/postgres/postgres-change-log.js';
import type { SessionFilter } from '../session-store.js';
import { admissionOf } from '../../testing/session-builder.js';
import { PostgresSessionStore } from './postgres-session-store.js';
import { readMany } from './statements/read.statements.js';
import { readPage } from './statements/search.statements.js';
import { touchBatch } from './statements/touch.statements.js';

const why = { reason: 'incident', by: 'admin' };
const everywhere = { kind: 'all' } as const;

let db: Awaited<ReturnType<typeof sessionDatabase>>;
let elsewhere: DataSource;
let stores: PostgresSessionStore[];
let store: PostgresSessionStore;

beforeAll(async () => {
  db = await sessionDatabase();
  elsewhere = await connect(db.database.url);
  stores = [PostgresSessionStore.on(db.dataSource), PostgresSessionStore.on(elsewhere)];
  store = stores[0]!;
});

afterAll(async () => {
  await elsewhere.destroy();
  await db.close();
});

afterEach(() => db.dataSource.query('TRUNCATE identity_session, identity_session_cut_off CASCADE'));

async function signIn(
  facts: { tenantId?: string | null; userId?: string } = {},
  isProtected = false,
): Promise<SessionRecord> {
  const outcome = await store.admit(admissionOf({ facts, isProtected }));
  if (outcome.kind !== 'admitted') throw new Error(outcome.kind);
  return outcome.session;
}

const statusOf = async ({ id }: { id: string }): Promise<string | undefined> =>
  (await store.findMany([id])).records[0]?.status;

describe('a cut-off of everybody', () => {
  it('[row 28] ends whoever there is, of any tenant or none, and nobody who comes', async () => {
    const before = [await signIn(), await signIn({ tenantId: 'acme' }), await signIn({ tenantId: 'other' })];
    await store.cutOff({}, why);
    const after = await signIn({ tenantId: 'acme' });
    expect(await Promise.all([...before, after].map(statusOf))).toEqual(['revoked', 'revoked', 'revoked', 'active']);
    expect(await store.count({ scope: everywhere, status: 'live' })).toBe(1);
    expect(await store.count({ scope: everywhere, status: 'revoked' })).toBe(3);
  });

  it('ends sessions from before the clock went back, and not whoever signs in then', async () => {
    const { id } = await signIn();
    await db.dataSource.query(`UPDATE identity_session SET created_at = created_at + interval '5 minutes'`);
    await store.cutOff({}, why);
    expect(await statusOf({ id })).toBe('revoked');
    const [first, second] = [await signIn(), await signIn()];
    expect(await Promise.all([first, second].map(statusOf))).toEqual(['active', 'active']);
    // Only its place in the order is ahead of the clock: how long it lives is not.
    expect(first.authenticatedAt).toBeLessThanOrEqual(await store.now());
    await store.cutOff({}, why);
    expect(await Promise.all([first, second].map(statusOf))).toEqual(['revoked', 'revoked']);
  });
});

describe('a cut-off of everybody and protected sessions', () => {
  const live = { scope: everywhere, status: 'live' } as const;
  const revoked = { scope: everywhere, status: 'revoked' } as const;
  const page = { limit: 10, descending: false, after: null };
  const found = async (filter: SessionFilter) => {
    const ids = (await store.list(filter, page)).map(({ id }) => id).sort();
    expect(await store.count(filter)).toBe(ids.length);
    expect(await store.listIds(filter, 10)).toEqual(ids);
    return ids;
  };
  const idsOf = (...sessions: SessionRecord[]) => sessions.map(({ id }) => id).sort();

  it('spares them in every list, count, bulk, warm-up and overview, also those of before', async () => {
    const first = await signIn({ tenantId: 'acme' });
    const guarded = await signIn({ tenantId: 'acme' }, true);
    const apart = await signIn({ userId: 'alice' });
    const second = await signIn({ tenantId: 'acme' });
    await store.cutOff({ userId: 'alice' }, why);
    await store.cutOff({}, why);
    const next = await signIn({ tenantId: 'acme' });
    expect(await found(live)).toEqual(idsOf(guarded, next));
    expect(await found(revoked)).toEqual(idsOf(first, apart, second));
    expect(await found({ ...live, tenantId: 'acme' })).toEqual(idsOf(guarded, next));
    expect((await store.countSessions(everywhere)).live).toBe(2);
    expect([...(await store.findRecent(10))].sort()).toEqual(idsOf(guarded, next));
    const bulk = { scope: everywhere, status: 'unended' } as const;
    const ended = await store.endMany(bulk, 'revoked', why, 10);
    expect(ended.map(({ id }) => id).sort()).toEqual(idsOf(guarded, next));
  });

  it('that includes them, too, ends them in all of these', async () => {
    const [guarded, second] = [await signIn({}, true), await signIn()];
    await store.cutOff({}, why, true);
    await store.cutOff({}, why);
    const next = await signIn({}, true);
    expect(await found(live)).toEqual([next.id]);
    expect(await found(revoked)).toEqual(idsOf(guarded, second));
    expect((await store.countSessions(everywhere)).live).toBe(1);
    expect(await store.findRecent(10)).toEqual([next.id]);
    const ended = await store.endMany({ scope: everywhere }, 'revoked', why, 10);
    expect(ended.map(({ id }) => id)).toEqual([next.id]);
  });

  it('is written down by the cleanup, which comes to an end of it', async () => {
    const first = await signIn();
    const guarded = await signIn({}, true);
    for (const scope of [{}, { tenantId: null }, { userId: guarded.userId }]) await store.cutOff(scope, why);
    expect((await store.endCutOff(10)).ended.map(({ id }) => id)).toEqual([first.id]);
    expect(await store.endCutOff(10)).toEqual({ seen: 0, ended: [] });
    await store.cutOff({}, why, true);
    expect(await found(live)).toEqual([]);
    expect(await found(revoked)).toEqual(idsOf(first, guarded));
    expect((await store.endCutOff(10)).ended.map(({ id }) => id)).toEqual([guarded.id]);
    expect(await found(revoked)).toEqual(idsOf(first, guarded));
  });

  it('is forgotten though they live, and never while it has ended one', async () => {
    const guarded = await signIn({}, true);
    await store.cutOff({}, why);
    await db.dataSource.query(`UPDATE identity_session SET created_at = created_at - interval '2 days'`);
    await db.dataSource.query(`UPDATE identity_session_cut_off SET not_before = not_before - interval '1 day'`);
    expect(await store.forgetCutOffs(1_000)).toBe(1);
    expect(await statusOf(guarded)).toBe('active');
    await store.cutOff({}, why, true);
    await db.dataSource.query(`UPDATE identity_session_cut_off SET not_before = not_before - interval '1 day',
      protected_not_before = protected_not_before - interval '1 day'`);
    expect(await store.forgetCutOffs(1_000)).toBe(0);
    expect(await statusOf(guarded)).toBe('revoked');
  });
});

describe('the log of a cut-off', () => {
  it('tells up to when protected sessions are over, as a new position does', async () => {
    const log = await PostgresChangeLog.connect({ connectionString: db.database.url });
    const { position } = await log.open();
    const made = [await store.cutOff({ userId: 'u' }, why, true), await store.cutOff({ userId: 'u' }, why)];
    const plain = made.map(({ scope, notBefore, protectedNotBefore }) => ({ scope, notBefore, protectedNotBefore }));
    expect((await log.readSince(position)).changes.map(({ cutOff }) => cutOff)).toEqual(plain);
    expect((await log.open()).cutOffs).toEqual([plain[1]]);
    await log.close();
  });

  it('has one row for each, from which a node knows it, and a new position comes with all', async () => {
    const log = await PostgresChangeLog.connect({ connectionString: db.database.url });
    const made: StoredCutOff[] = [];
    const { position, cutOffs } = await log.open();
    expect(cutOffs).toEqual([]);
    for (const scope of [{}, { tenantId: null }, { tenantId: 'a"\\b', userId: '*' }, { userId: 'u' }]) {
      made.push(await store.cutOff(scope, why));
    }
    made.push(await store.cutOff({ userId: 'u' }, why));
    const plain = made.map(({ scope, notBefore }) => ({ scope, notBefore }));
    const { changes } = await log.readSince(position);
    expect(changes.map(({ type, sessionId, version, cutOff }) => ({ type, sessionId, version, cutOff }))).toEqual(
      made.map(({ version }, n) => ({ type: 'cut_off', sessionId: null, version, cutOff: plain[n] })),
    );
    const opening = await log.open();
    const inOrder = opening.cutOffs.toSorted((a, b) => a.notBefore - b.notBefore);
    expect(inOrder).toEqual(plain.filter((_, n) => n !== 3));
    await log.close();
  });

  it('is an error where it cannot be read, so that a node begins anew and reads the table', async () => {
    const log = await PostgresChangeLog.connect({ connectionString: db.database.url });
    const { position } = await log.open();
    await db.dataSource.query(
      `INSERT INTO identity_session_event (at, type, tenant_id, details) VALUES (now(), 'cut_off', '', '{"scope": 1}')`,
    );
    await expect(log.readSince(position)).rejects.toThrow('cannot read');
    await log.close();
  });
});

describe('a cut-off that meets sign-ins on several connections', () => {
  it('[rows 28, 30] ends all that were answered before it, none that began after it, and the limit holds', async () => {
    const policy = [{ scope: 'subject', limit: 3, whenFull: 'evict-oldest' }] as const;
    const users = ['a', 'b', 'c'];
    const admitted: { record: SessionRecord; begun: number; done: number }[] = [];
    const cuts: { userId: string | undefined; begun: number; done: number }[] = [];
    let tick = 0;
    let most = 0;
    const working = { isOver: false };
    const signingIn = Array.from({ length: 6 }, async (_, n) => {
      for (let round = 0; round < 25; round += 1) {
        const begun = (tick += 1);
        const outcome = await stores[n % 2]!.admit(admissionOf({ facts: { userId: users[(n + round) % 3]! }, policy }));
        if (outcome.kind === 'admitted') admitted.push({ record: outcome.session, begun, done: (tick += 1) });
      }
    });
    const cutting = (async () => {
      for (let round = 0; round < 20; round += 1) {
        // Spread over the sign-ins, so that there are some on either side of each.
        while (admitted.length < round * 6) await store.now();
        const userId = round % 4 === 3 ? undefined : users[round % 3];
        const begun = (tick += 1);
        await stores[round % 2]!.cutOff(userId === undefined ? {} : { userId }, why);
        cuts.push({ userId, begun, done: (tick += 1) });
      }
    })();
    const watching = (async () => {
      while (!working.isOver) {
        for (const userId of users) {
          most = Math.max(most, await store.count({ scope: everywhere, userId, status: 'live' }));
        }
      }
    })();
    await Promise.all([...signingIn, cutting]);
    working.isOver = true;
    await watching;

    expect(most).toBeLessThanOrEqual(3);
    expect(most).toBeGreaterThan(0);
    const { records } = await store.findMany(admitted.map(({ record }) => record.id));
    const statuses = new Map(records.map((record) => [record.id, record]));
    let before = 0;
    let after = 0;
    for (const { record, begun, done } of admitted) {
      const now = statuses.get(record.id)!;
      const own = cuts.filter(({ userId }) => userId === undefined || userId === record.userId);
      if (own.some((cut) => cut.begun > done)) {
        before += 1;
        expect(['revoked', 'evicted']).toContain(now.status);
      }
      if (own.every((cut) => cut.done < begun)) {
        after += 1;
        expect(['active', 'evicted']).toContain(now.status);
      }
    }
    expect(before).toBeGreaterThan(20);
    expect(after).toBeGreaterThan(20);
  });

  it('in a transaction that is rolled back is none, and is one for everybody from the commit on', async () => {
    const { id } = await signIn();
    const rolledBack = db.dataSource.transaction(async (manager) => {
      await store.within(manager).cutOff({}, why);
      throw new Error('changed its mind');
    });
    await expect(rolledBack).rejects.toThrow('changed its mind');
    expect(await statusOf({ id })).toBe('active');
    await db.dataSource.transaction(async (manager) => {
      await store.within(manager).cutOff({}, why);
      expect(await statusOf({ id })).toBe('active');
    });
    expect(await statusOf({ id })).toBe('revoked');
  });
});

describe('statements about sessions', () => {
  it('find sessions and cut-offs by index, with a thousand cut-offs of others', async () => {
    await db.dataSource.query(
      `INSERT INTO identity_session (id, tenant_id, user_id, device_type, status, scope_keys, token_digest, rotation_salt,
         assurance, remember_me, created_at, authenticated_at, last_accessed_at, idle_timeout_ms, expires_at, due_at)
       SELECT gen_random_uuid(), 't' || n % 50, 'u' || n % 2000, 'web', 'active', '{}', '', '', 'aal1', false, now() - n * interval '1 second', now(),
         now(), 86400000, now() + interval '1 day', now() + interval '1 day' FROM generate_series(1, 20000) n`,
    );
    await db.dataSource.query(
      `INSERT INTO identity_session_cut_off (user_id, not_before, reason)
       SELECT 'other' || n, now() + interval '1 second', 'x' FROM generate_series(1, 1000) n`,
    );
    await db.dataSource.query('ANALYZE identity_session, identity_session_cut_off');
    const found: { id: string }[] = await db.dataSource.query('SELECT id FROM identity_session LIMIT 200');
    const ids = found.map(({ id }) => id);
    const page = { limit: 50, descending: true, after: null };
    const list = (sql: Parameters<typeof readMany>[0]) => readPage(sql, { scope: everywhere, status: 'active' }, page);
    const statements = [
      (sql: Parameters<typeof readMany>[0]) => readMany(sql, ids),
      list,
      (sql: Parameters<typeof readMany>[0]) =>
        touchBatch(
          sql,
          ids.map((id) => ({ id, at: 0, ip: null })),
        ),
    ];
    for (const statement of statements) {
      const plans: string[] = [];
      const explain = async (text: string, values?: readonly unknown[]) => {
        const rows: Record<string, string>[] = await db.dataSource.query(`EXPLAIN ${text}`, [...(values ?? [])]);
        plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
        return [];
      };
      await statement({ query: explain });
      expect(plans).toHaveLength(1);
      expect(plans[0]).toContain('identity_session_cut_off_pkey');
      expect(plans[0]).not.toMatch(/Seq Scan on identity_session s/);
      const byId = statement !== list;
      expect(/identity_session_(live_created|status)/.test(plans[0] ?? '')).toBe(!byId);
      if (byId) expect(plans[0]).toContain('identity_session_pkey');
    }
  });
});
