import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sessionDatabase } from '../../../../../test/support/session-database.js';
import { admissionOf } from '../../testing/session-builder.js';
import type { SessionRecord } from '../../core/session.js';
import { PostgresSessionStore } from './postgres-session-store.js';

const RULES = { graceMs: 0, sparesIdle: false, recoveryMs: 0, inactiveAfterMs: undefined };

describe('what is left of the places of a session that were scrubbed', () => {
  let tables: Awaited<ReturnType<typeof sessionDatabase>>;
  let store: PostgresSessionStore;

  beforeAll(async () => {
    tables = await sessionDatabase();
    store = PostgresSessionStore.on(tables.dataSource);
  });

  afterAll(() => tables.close());

  const rows = (id: string): Promise<unknown[]> =>
    tables.dataSource.query(
      `SELECT reason, details, operation_id FROM identity_session_event
       WHERE session_id = $1 AND type = 'drifted' ORDER BY id`,
      [id],
    );
  const drifted = async (): Promise<SessionRecord> => {
    const outcome = await store.admit(admissionOf());
    if (outcome.kind !== 'admitted') throw new Error(outcome.kind);
    const { session } = outcome;
    await store.recordDrift(session.id, { kind: 'address', to: '192.0.2.0/24' });
    await store.recordDrift(session.id, { kind: 'user_agent', to: 'curl/8' });
    await tables.dataSource.query(
      `UPDATE identity_session_event SET at = at - interval '1 hour' WHERE session_id = $1 AND reason = 'address'`,
      [session.id],
    );
    await tables.dataSource.query(
      `UPDATE identity_session SET created_at = created_at - interval '1 day' WHERE id = $1`,
      [session.id],
    );
    return session;
  };
  const NOTHING = { details: null, operation_id: null };

  it('is, of a live one, where it was used lately', async () => {
    const { id } = await drifted();
    const before = await rows(id);
    expect((await store.walkLive({ ...RULES, scrubAfterMs: 60_000 }, null, 10)).scrubbed).toBe(1);
    expect(await rows(id)).toEqual([{ reason: 'address', ...NOTHING }, before[1]]);
    expect((await store.walkLive({ ...RULES, scrubAfterMs: 60_000 }, null, 10)).scrubbed).toBe(0);
  });

  it('is nothing, of one that has ended', async () => {
    const { id } = await drifted();
    await store.end({ kind: 'all' }, id, 'revoked', { reason: 'lost', by: null });
    await tables.dataSource.query(`UPDATE identity_session SET ended_at = ended_at - interval '1 hour' WHERE id = $1`, [
      id,
    ]);
    expect(await store.scrubEnded(60_000, 10)).toBe(1);
    expect(await rows(id)).toEqual([
      { reason: 'address', ...NOTHING },
      { reason: 'user_agent', ...NOTHING },
    ]);
  });
});
