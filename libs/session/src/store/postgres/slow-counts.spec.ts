import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { connect, sessionDatabase } from '../../../../../test/support/session-database.js';
import type { SessionFilter } from '../session-store.js';
import { PostgresSessionStore } from './postgres-session-store.js';

const DEADLINE_MS = 1_000;
const EVERYBODY: SessionFilter = { scope: { kind: 'all' }, status: 'unended' };

let db: Awaited<ReturnType<typeof sessionDatabase>>;

beforeAll(async () => {
  db = await sessionDatabase();
});
afterAll(async () => {
  await db.close();
});

it.each<[string, (store: PostgresSessionStore) => Promise<unknown>]>([
  ['how many match', (store) => store.count(EVERYBODY)],
  ['which match', (store) => store.listIds(EVERYBODY, 10)],
  ['how many there are of each kind', (store) => store.countSessions({ kind: 'all' })],
])('%s may take longer to find than a sign-in', async (_what, ask) => {
  const store = PostgresSessionStore.on(db.dataSource, { deadlineMs: DEADLINE_MS });
  const other = await connect(db.database.url);
  try {
    // As if there were millions: the answer takes longer than the deadline.
    const asked = await other.transaction(async (manager) => {
      await manager.query('LOCK TABLE identity_session');
      const answer = ask(store).catch((error: unknown) => error);
      await waitedFor(1.3 * DEADLINE_MS);
      return { answer };
    });
    expect(await asked.answer).not.toBeInstanceOf(Error);
  } finally {
    await other.destroy();
  }
});

/** Until a statement has waited for the lock for as long. */
async function waitedFor(ms: number): Promise<void> {
  for (const deadline = Date.now() + 25_000; Date.now() < deadline;) {
    const [row] = await db.dataSource.query<{ n: number }[]>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
         AND clock_timestamp() - query_start > $1::float8 * interval '1 millisecond'`,
      [ms],
    );
    if (row!.n > 0) return;
  }
  throw new Error('Nobody waits.');
}
