import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { connect, sessionDatabase } from '../../../../../test/support/session-database.js';
import type { ConcurrentLoginPolicy, WhenFull } from '../../core/policy.js';
import type { SessionRecord } from '../../core/session.js';
import { admissionOf, type AdmissionOverrides, randomDigest } from '../../testing/session-builder.js';
import { PostgresSessionStore } from './postgres-session-store.js';

const LIMIT = 2;
const EACH = 12;
const EVERYWHERE = { kind: 'all' } as const;
const NOTE = { reason: 'race', by: 'admin' };

let db: Awaited<ReturnType<typeof sessionDatabase>>;
const nodes: DataSource[] = [];

beforeAll(async () => {
  db = await sessionDatabase();
  for (let node = 0; node < 2; node += 1) nodes.push(await connect(db.database.url));
});

afterAll(async () => {
  for (const node of nodes) await node.destroy();
  await db.close();
});

/** The most sessions of the user that held a slot at any look. */
async function mostHeld(userId: string, until: Promise<unknown>): Promise<number> {
  const race = { isOver: false };
  void until.finally(() => (race.isOver = true));
  let most = 0;
  while (!race.isOver) {
    const [row] = await db.dataSource.query<{ held: number }[]>(
      `SELECT count(*)::int AS held FROM identity_session
       WHERE user_id = $1 AND status IN ('active', 'suspended') AND holds_slot`,
      [userId],
    );
    most = Math.max(most, row?.held ?? 0);
  }
  return most;
}

describe('[rows 34, 39] sign-ins, completions and resumptions of one user, on two nodes at once', () => {
  it.each<WhenFull>(['evict-oldest', 'reject'])('never exceed a limit that says %s', async (whenFull) => {
    const facts = { userId: `race-${whenFull}` };
    const policy: ConcurrentLoginPolicy = [{ scope: 'subject', limit: LIMIT, whenFull }];
    const stores = nodes.map((node) => PostgresSessionStore.on(node, { deadlineMs: 30_000 }));
    const [store] = stores as [PostgresSessionStore];
    const signIn = async (overrides: AdmissionOverrides): Promise<SessionRecord> => {
      const outcome = await store.admit(admissionOf({ facts, ...overrides }));
      if (outcome.kind !== 'admitted') throw new Error(outcome.kind);
      return outcome.session;
    };
    const requirements = [{ name: 'second_factor', approvers: null }];
    const pending = { requirements, roles: [], timeLimitMs: 600_000, most: EACH };
    const asleep: SessionRecord[] = [];
    const waiting: SessionRecord[] = [];
    for (let n = 0; n < EACH; n += 1) {
      const { id } = await signIn({});
      asleep.push((await store.changeStatus(EVERYWHERE, id, 'suspended', NOTE, true))!);
      waiting.push(await signIn({ pending }));
    }

    const lifetimes = { idleTimeoutMs: 3_600_000, absoluteLifetimeMs: 3_600_000 };
    const activate = (session: SessionRecord, node: number) =>
      stores[node % 2]!.activate(
        {
          ...{ scope: EVERYWHERE, id: session.id, facts: session, policy, ...lifetimes, answer: null, question: null },
          completes: session.status === 'pending' ? { fromGeneration: 0, tokenDigest: randomDigest() } : null,
        },
        NOTE,
      );
    const all = Promise.all([
      ...waiting.map(async (session, n) => {
        await store.meet(EVERYWHERE, { id: session.id, requirement: 'second_factor', by: null, isApproval: false });
        return (await activate(session, n)).kind;
      }),
      ...asleep.map(async (session, n) => (await activate(session, n)).kind),
      ...asleep.map(async (_, n) => (await stores[n % 2]!.admit(admissionOf({ facts, policy }))).kind),
    ]);
    const most = await mostHeld(facts.userId, all);
    const kinds = await all;
    expect(most).toBeLessThanOrEqual(LIMIT);
    expect(await store.count({ scope: EVERYWHERE, userId: facts.userId, status: 'live', holdsSlot: true })).toBe(LIMIT);
    const done = kinds.filter((kind) => kind === 'activated' || kind === 'admitted');
    expect(done).toHaveLength(whenFull === 'reject' ? LIMIT : 3 * EACH);
  });
});
