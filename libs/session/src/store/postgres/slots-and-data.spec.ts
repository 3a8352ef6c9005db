import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { connect, sessionDatabase } from '../../../../../test/support/session-database.js';
import type { SessionRecord } from '../../core/session.js';
import { admissionOf, type AdmissionOverrides, randomDigest } from '../../testing/session-builder.js';
import { BULK_PAGE } from '../session-store.js';
import { PostgresSessionStore } from './postgres-session-store.js';

const EVERYWHERE = { kind: 'all' } as const;
const NOTE = { reason: 'test', by: null };
const PENDING = {
  requirements: [{ name: 'second_factor', approvers: null }],
  roles: [],
  timeLimitMs: 600_000,
  most: 5,
};

let db: Awaited<ReturnType<typeof sessionDatabase>>;
let other: DataSource;
let store: PostgresSessionStore;

beforeAll(async () => {
  db = await sessionDatabase();
  other = await connect(db.database.url);
  store = PostgresSessionStore.on(db.dataSource, { deadlineMs: 20_000 });
});

afterAll(async () => {
  await other.destroy();
  await db.close();
});

async function signIn(overrides: AdmissionOverrides = {}): Promise<SessionRecord> {
  const outcome = await store.admit(admissionOf(overrides));
  if (outcome.kind !== 'admitted') throw new Error(outcome.kind);
  return outcome.session;
}

describe('[row 39] a node of the version before, which knows no slots', () => {
  /** As it resumes a session. */
  const activateAsBefore = (id: string) =>
    db.dataSource.query(`UPDATE identity_session SET version = version + 1, status = 'active' WHERE id = $1`, [id]);

  it('cannot bring a session back that has given its slot up, nor one that waits', async () => {
    const { id } = await signIn();
    await store.changeStatus(EVERYWHERE, id, 'suspended', NOTE, true);
    const waiting = await signIn({ pending: PENDING });
    for (const one of [id, waiting.id]) {
      await expect(activateAsBefore(one)).rejects.toMatchObject({ constraint: 'identity_session_active_holds_slot' });
    }
    const { id: kept } = await signIn();
    await store.changeStatus(EVERYWHERE, kept, 'suspended', NOTE);
    await activateAsBefore(kept);
  });
});

describe('a completion in the transaction of a caller', () => {
  it('never waits for who waits for it: the user comes before the session', async () => {
    const session = await signIn({ pending: PENDING });
    const { tenantId, userId } = session;
    let isAsked: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (isAsked = resolve));
    let goOn: () => void = () => undefined;
    const met = new Promise<void>((resolve) => (goOn = resolve));
    // Holds the user, and is about to lock the session.
    const changing = PostgresSessionStore.on(other).changeUserData(
      { tenantId, userId },
      async () => {
        isAsked();
        await met;
        return undefined;
      },
      NOTE,
    );
    await asked;
    const completing = db.dataSource.transaction('READ COMMITTED', async (manager) => {
      const within = store.within(manager);
      const meeting = { id: session.id, requirement: 'second_factor', by: null, isApproval: false };
      await within.meet(EVERYWHERE, { ...meeting, subject: { tenantId, userId } });
    });
    const [{ held } = { held: 1 }] = await untilSomebodyWaits();
    goOn();
    await Promise.all([changing, completing]);
    expect(held).toBe(0);
  });

  /** How many hold a lock of a row while they wait for the lock of a user. */
  async function untilSomebodyWaits(): Promise<{ held: number }[]> {
    for (const deadline = Date.now() + 25_000; Date.now() < deadline;) {
      const rows = await db.dataSource.query<{ type: string; held: number }[]>(
        `SELECT l.locktype AS type, (SELECT count(*)::int FROM pg_locks h
           WHERE h.pid = l.pid AND h.locktype = 'relation' AND h.mode = 'RowShareLock') AS held
         FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database()`,
      );
      if (rows.length > 0) return rows.map(({ type, held }) => ({ held: type === 'advisory' ? held : 1 }));
    }
    throw new Error('nobody waits');
  }
});

describe('data of all sessions of a user, in the transaction of a caller', () => {
  it('is changed in all or none, also where the caller goes on after the refusal', async () => {
    const first = await signIn({ facts: { userId: 'many' } });
    await db.dataSource.query(
      `INSERT INTO identity_session (id, tenant_id, user_id, device_type, status, scope_keys, token_digest, rotation_salt,
         assurance, remember_me, created_at, authenticated_at, last_accessed_at, idle_timeout_ms, expires_at, due_at)
       SELECT gen_random_uuid(), tenant_id, user_id, device_type, status, scope_keys, $2, rotation_salt, assurance,
         remember_me, created_at, authenticated_at, last_accessed_at, idle_timeout_ms, expires_at, due_at
       FROM identity_session, generate_series(1, ${BULK_PAGE}) WHERE id = $1`,
      [first.id, Buffer.from(randomDigest())],
    );
    let seen = 0;
    const change = () => {
      seen += 1;
      if (seen > BULK_PAGE) throw new Error('the last one cannot hold it');
      return Promise.resolve({ data: { role: 'admin' }, keys: ['role'] });
    };
    await db.dataSource.transaction('READ COMMITTED', async (manager) => {
      const all = store.within(manager).changeUserData({ tenantId: null, userId: 'many' }, change, NOTE);
      await expect(all).rejects.toMatchObject({ code: 'SESSION_STORE_UNAVAILABLE' });
    });
    const [row] = await db.dataSource.query<{ changed: number }[]>(
      `SELECT count(*)::int AS changed FROM identity_session WHERE user_id = 'many' AND data <> '{}'`,
    );
    expect(row?.changed).toBe(0);
  });
});
