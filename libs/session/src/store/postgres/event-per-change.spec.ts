import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sessionDatabase } from '../../../../../test/support/session-database.js';
import type { SessionRecord } from '../../core/session.js';
import { type AdmissionOverrides, admissionOf, randomDigest } from '../../testing/session-builder.js';
import type { SessionScope, SessionStore } from '../session-store.js';
import { PostgresSessionStore } from './postgres-session-store.js';

let db: Awaited<ReturnType<typeof sessionDatabase>>;
let store: PostgresSessionStore;

beforeAll(async () => {
  db = await sessionDatabase();
  store = PostgresSessionStore.on(db.dataSource);
});

afterAll(() => db.close());

const all: SessionScope = { kind: 'all' };
const note = { reason: 'tried', by: 'somebody' };

async function signIn(overrides: AdmissionOverrides = {}, through: SessionStore = store): Promise<SessionRecord> {
  const outcome = await through.admit(admissionOf(overrides));
  if (outcome.kind !== 'admitted') throw new Error(`The sign-in was ${outcome.kind}.`);
  return outcome.session;
}

/** What the log has of a session, and whether its last row was written by the transaction that wrote the session. */
async function historyOf(id: string): Promise<{ readonly types: string[]; readonly isOneTransaction: boolean }> {
  const rows = await db.dataSource.query<{ type: string; version: number; together: boolean; current: number }[]>(
    `SELECT e.type, e.version, s.version AS current,
       s.xmin::text = (e.xid::text::numeric % 4294967296)::text AS together
     FROM identity_session s JOIN identity_session_event e ON e.session_id = s.id WHERE s.id = $1 ORDER BY e.id`,
    [id],
  );
  // One row for each version, from the first to the one that the session has.
  expect(rows.map(({ version }) => version)).toEqual(Array.from({ length: rows[0]!.current }, (_, n) => n + 1));
  return { types: rows.map(({ type }) => type), isOneTransaction: rows[rows.length - 1]!.together };
}

type Verb = (session: SessionRecord) => Promise<unknown>;

const rotate: Verb = ({ id, tokenGeneration }) =>
  store.rotate({ id, fromGeneration: tokenGeneration, tokenDigest: randomDigest(), reauthenticated: true }, note);

describe('each change of state writes one event in its own transaction', () => {
  it.each<[string, Verb, string]>([
    ['sign-out', ({ id }) => store.end(all, id, 'signed_out', note), 'signed_out'],
    ['revocation', ({ id }) => store.end(all, id, 'revoked', note), 'revoked'],
    ['expiry', ({ id }) => store.end(all, id, 'expired', note), 'expired'],
    ['bulk', ({ id }) => store.endMany({ scope: all, ids: [id] }, 'revoked', note, 10), 'revoked'],
    ['suspension', ({ id }) => store.changeStatus(all, id, 'suspended', note), 'suspended'],
    ['suspension without its slot', ({ id }) => store.changeStatus(all, id, 'suspended', note, true), 'suspended'],
    ['naming', ({ id }) => store.rename(all, id, 'phone', note), 'renamed'],
    ['rotation', rotate, 'rotated'],
    ['replacement', ({ id, userId }) => signIn({ facts: { userId }, replaces: id }), 'signed_out'],
    [
      'eviction',
      ({ userId }) => signIn({ facts: { userId }, policy: [{ scope: 'subject', limit: 1, whenFull: 'evict-oldest' }] }),
      'evicted',
    ],
  ])('%s', async (_, verb, type) => {
    const session = await signIn();
    expect(await historyOf(session.id)).toEqual({ types: ['created'], isOneTransaction: true });
    await verb(session);
    expect(await historyOf(session.id)).toEqual({ types: ['created', type], isOneTransaction: true });
  });

  it('several in turn', async () => {
    const session = await signIn();
    await store.changeStatus(all, session.id, 'suspended', note);
    await store.changeStatus(all, session.id, 'active', note);
    await rotate(session);
    await store.rename(all, session.id, null, note);
    await store.end(all, session.id, 'revoked', note);
    expect(await historyOf(session.id)).toEqual({
      types: ['created', 'suspended', 'activated', 'rotated', 'renamed', 'revoked'],
      isOneTransaction: true,
    });
  });

  it('each step of a sign-in that waits', async () => {
    const requirements = [
      { name: 'a', approvers: null },
      { name: 'b', approvers: null },
    ];
    const session = await signIn({ pending: { requirements, roles: [], timeLimitMs: 60_000, most: 5 } });
    const types = ['created'];
    for (const requirement of ['a', 'a', 'b']) {
      await store.meet(all, { id: session.id, requirement, by: 'somebody', isApproval: false });
    }
    types.push('requirement_met', 'requirement_met');
    expect(await historyOf(session.id)).toEqual({ types, isOneTransaction: true });
    const lifetimes = { idleTimeoutMs: 60_000, absoluteLifetimeMs: 60_000 };
    const completes = { fromGeneration: 0, tokenDigest: randomDigest() };
    const more = { ...lifetimes, facts: session, policy: [], answer: null, question: null };
    const activation = { scope: all, id: session.id, completes, ...more };
    for (let n = 0; n < 2; n += 1) await store.activate(activation, note);
    expect(await historyOf(session.id)).toEqual({ types: [...types, 'activated'], isOneTransaction: true });
    await store.changeStatus(all, session.id, 'suspended', note, true);
    await store.activate({ ...activation, completes: null }, note);
    types.push('activated', 'suspended', 'activated');
    expect(await historyOf(session.id)).toEqual({ types, isOneTransaction: true });
  });

  it('a cut-off, one for all that it ends', async () => {
    const sessions = [await signIn({ facts: { userId: 'cut' } }), await signIn({ facts: { userId: 'cut' } })];
    await store.cutOff({ tenantId: null, userId: 'cut' }, note);
    const rows = await db.dataSource.query<{ together: boolean }[]>(
      `SELECT c.xmin::text = (e.xid::text::numeric % 4294967296)::text AS together
       FROM identity_session_event e, identity_session_cut_off c WHERE e.type = 'cut_off' AND c.user_id = 'cut'`,
    );
    expect(rows).toEqual([{ together: true }]);
    for (const { id } of sessions) expect((await historyOf(id)).types).toEqual(['created']);
  });

  it('and what changes nothing writes none', async () => {
    const session = await signIn();
    await store.end(all, session.id, 'revoked', note);
    await store.end(all, session.id, 'revoked', note);
    await store.rename(all, session.id, 'too late', note);
    await store.changeStatus(all, session.id, 'active', note);
    await rotate(session);
    await store.endMany({ scope: all, ids: [session.id] }, 'revoked', note, 10);
    expect((await historyOf(session.id)).types).toEqual(['created', 'revoked']);

    const live = await signIn();
    await store.touchMany([{ id: live.id, at: live.lastAccessedAt + 1, ip: null }]);
    await store.rotate({ id: live.id, fromGeneration: 7, tokenDigest: randomDigest(), reauthenticated: false }, note);
    const policy = [{ scope: 'subject', limit: 1, whenFull: 'reject' }] as const;
    expect((await store.admit(admissionOf({ facts: { userId: live.userId }, policy }))).kind).toBe('rejected');
    expect((await historyOf(live.id)).types).toEqual(['created']);
  });

  it('and what is rolled back leaves none', async () => {
    const session = await signIn();
    const undone = db.dataSource.transaction('READ COMMITTED', async (manager) => {
      await store.within(manager).end(all, session.id, 'revoked', note);
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect((await historyOf(session.id)).types).toEqual(['created']);
  });
});
