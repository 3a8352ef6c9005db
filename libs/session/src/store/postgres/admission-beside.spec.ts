import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { connect, sessionDatabase } from '../../../../../test/support/session-database.js';
import type { WhenFull } from '../../core/policy.js';
import type { SessionRecord } from '../../core/session.js';
import { admissionOf } from '../../testing/session-builder.js';
import { cleansUp } from '../session-cleanup.js';
import type { AdmitOutcome, SessionStore } from '../session-store.js';
import { PostgresSessionStore } from './postgres-session-store.js';

const RULES = { graceMs: 1_000, sparesIdle: false, recoveryMs: 0 };

describe('a sign-in beside what others do with sessions that have run out', () => {
  let db: Awaited<ReturnType<typeof sessionDatabase>>;
  let other: DataSource;
  let store: PostgresSessionStore;

  beforeAll(async () => {
    db = await sessionDatabase();
    other = await connect(db.database.url);
    store = PostgresSessionStore.on(db.dataSource);
  });
  afterAll(async () => {
    await other.destroy();
    await db.close();
  });

  const admitted = async (userId: string): Promise<SessionRecord> => {
    const outcome = await store.admit(admissionOf({ facts: { userId } }));
    if (outcome.kind !== 'admitted') throw new Error(`The sign-in was ${outcome.kind}.`);
    return outcome.session;
  };

  /** As if nobody had used it for longer than its idle limit. */
  const runOut = ({ id }: SessionRecord) =>
    db.dataSource.query(
      `UPDATE identity_session SET last_accessed_at = last_accessed_at - interval '2 hours',
         due_at = due_at - interval '2 hours' WHERE id = $1`,
      [id],
    );

  /** Until as many connections wait for a lock of another. */
  const waiting = async (): Promise<void> => {
    for (const deadline = Date.now() + 25_000; Date.now() < deadline;) {
      const [row] = await other.query<{ n: number }[]>(
        `SELECT count(*)::int AS n FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      if (row!.n > 0) return;
    }
    throw new Error('Nobody waits.');
  };

  /** Signs in while another connection has done something to the same rows and not yet committed it. */
  const signInWhile = (
    userId: string,
    whenFull: WhenFull,
    limit: number,
    work: (store: SessionStore) => Promise<unknown>,
  ): Promise<AdmitOutcome> =>
    other
      .transaction('READ COMMITTED', async (manager) => {
        await work(PostgresSessionStore.on(other).within(manager));
        const signingIn = store.admit(
          admissionOf({ facts: { userId }, policy: [{ scope: 'subject', limit, whenFull }] }),
        );
        await waiting();
        return { signingIn };
      })
      .then(({ signingIn }) => signingIn);

  const cleanUp = async (through: SessionStore): Promise<void> => {
    if (!cleansUp(through)) throw new Error('The store does not clean up.');
    expect((await through.endDue(RULES, 10)).ended).toHaveLength(1);
  };

  it('is not refused for a session that the cleanup ends at this moment', async () => {
    await runOut(await admitted('refused'));
    expect((await signInWhile('refused', 'reject', 1, cleanUp)).kind).toBe('admitted');
  });

  it('evicts nobody for a session that the cleanup ends at this moment', async () => {
    const alive = await admitted('evicted');
    await runOut(await admitted('evicted'));
    const outcome = await signInWhile('evicted', 'evict-oldest', 2, cleanUp);
    expect(outcome).toMatchObject({ kind: 'admitted', evicted: [] });
    expect((await store.findMany([alive.id])).records[0]!.status).toBe('active');
  });

  it('evicts another one than a session that was used at this moment', async () => {
    const [resting, used] = [await admitted('recent'), await admitted('recent')];
    await runOut(used);
    await db.dataSource.query(
      `UPDATE identity_session SET last_accessed_at = last_accessed_at - interval '30 minutes' WHERE id = $1`,
      [resting.id],
    );
    const touch = (through: SessionStore) => through.touchMany([{ id: used.id, at: used.lastAccessedAt, ip: null }]);
    const outcome = await signInWhile('recent', 'evict-least-recently-used', 2, touch);
    expect(outcome).toMatchObject({ kind: 'admitted', evicted: [{ id: resting.id }] });
  });

  it('counts a session that was used at this moment', async () => {
    const session = await admitted('touched');
    await runOut(session);
    const touch = (through: SessionStore) =>
      through.touchMany([{ id: session.id, at: session.lastAccessedAt, ip: null }]);
    expect((await signInWhile('touched', 'reject', 1, touch)).kind).toBe('rejected');
  });
});
