import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { connect, sessionDatabase } from '../../../../../test/support/session-database.js';
import { TcpProxy } from '../../../../../test/support/tcp-proxy.js';
import type { ConcurrentLoginPolicy } from '../../core/policy.js';
import type { SessionRecord } from '../../core/session.js';
import { admissionOf } from '../../testing/session-builder.js';
import type { Restoration } from '../session-undo.js';
import { PostgresSessionStore } from './postgres-session-store.js';

const EVERYWHERE = { kind: 'all' } as const;
const ENDED = { reason: 'mistake', by: 'admin', undoable: true };
const NOTE = { reason: 'the wrong one', by: 'admin' };
const ONE: ConcurrentLoginPolicy = [{ scope: 'subject', limit: 1, whenFull: 'reject' }];
const ROUNDS = 10;
const EACH = 4;

let db: Awaited<ReturnType<typeof sessionDatabase>>;
let proxy: TcpProxy;
let far: DataSource;
let near: PostgresSessionStore;
let store: PostgresSessionStore;

beforeAll(async () => {
  db = await sessionDatabase();
  const wire = await TcpProxy.to(db.database.url);
  proxy = wire.proxy;
  far = await connect(wire.url);
  store = PostgresSessionStore.on(far, { deadlineMs: 5_000 });
  near = PostgresSessionStore.on(db.dataSource);
});

afterAll(async () => {
  await far.destroy();
  await proxy.close();
  await db.close();
});

async function revoked(userId: string, count = 1): Promise<readonly SessionRecord[]> {
  for (let n = 0; n < count; n += 1) await near.admit(admissionOf({ facts: { userId } }));
  return near.endMany({ scope: EVERYWHERE, userId, status: 'unended' }, 'revoked', ENDED, count);
}

const undo = (at: PostgresSessionStore, { id }: SessionRecord) =>
  at.undo({ scope: EVERYWHERE, id, windowMs: 60_000 }, NOTE);

async function undone(userId: string): Promise<SessionRecord> {
  const [old] = await revoked(userId);
  const outcome = old && (await undo(near, old));
  if (outcome?.kind !== 'undone') throw new Error('The revocation was not undone.');
  return outcome.session;
}

function restorationOf(old: SessionRecord, policy: ConcurrentLoginPolicy = []): Restoration {
  const { id, tokenDigest, idleTimeoutMs, absoluteLifetimeMs, answer, question } = admissionOf();
  const made = { id, tokenDigest, policy, idleTimeoutMs, absoluteLifetimeMs, answer, question };
  return { ...made, from: old.id, facts: old, presentedDigest: old.tokenDigest };
}

const typesOf = async (id: string) =>
  (await near.history(EVERYWHERE, id, { limit: 50, after: null }))?.map(({ type }) => type);
const liveOf = (userId: string) => near.count({ scope: EVERYWHERE, userId, status: 'live' });

/** The next statement that holds `text` is carried out, but its answer never arrives. */
function loseNextAnswerTo(text: string): void {
  proxy.loseAnswerTo = (sent) => {
    if (!sent.includes(text)) return false;
    proxy.loseAnswerTo = undefined;
    return true;
  };
}

describe('[row 34] a restoration', () => {
  it('and sign-ins of two nodes never exceed the limit', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const userId = `limit-${round}`;
      const olds = await revoked(userId, EACH);
      for (const old of olds) await undo(near, old);
      const admission = admissionOf({ facts: { userId }, policy: ONE });
      await Promise.all([
        ...olds.map((old, n) => (n % 2 === 0 ? store : near).restore(restorationOf(old, ONE))),
        ...(round % 2 === 0 ? [near.admit(admission)] : []),
      ]);
      expect(await liveOf(userId)).toBe(1);
    }
  });
});

describe('[row 27] a restoration', () => {
  it('leaves nobody signed in whose account something happens to at the same time', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const userId = `account-${round}`;
      const old = await undone(userId);
      const happens = async () => {
        await near.settleUndo({ tenantId: null, userId });
        await near.endMany({ scope: EVERYWHERE, userId, status: 'unended' }, 'revoked', NOTE, 10);
      };
      await Promise.all([store.restore(restorationOf(old)), happens()]);
      expect(await liveOf(userId)).toBe(0);
    }
  });

  it('waits for a transaction in which something happens to the account, and for nobody else’s', async () => {
    const [old, other] = [await undone('waiting'), await undone('apart')];
    let restoring: Promise<string> | undefined;
    await db.dataSource.transaction(async (manager) => {
      await near
        .within(manager)
        .changeUserData({ tenantId: null, userId: 'waiting' }, () => Promise.resolve(undefined), NOTE);
      restoring = store.restore(restorationOf(old)).then((outcome) => outcome.kind);
      expect((await store.restore(restorationOf(other))).kind).toBe('restored');
    });
    expect(await restoring).toBe('refused');
  });
});

describe('an answer that is lost on its way', () => {
  it('of a restoration: one session takes the place, with the token that was minted for it', async () => {
    const old = await undone('lost-commit');
    const restoration = restorationOf(old);
    loseNextAnswerTo('COMMIT');
    const outcome = await store.restore(restoration);
    expect(outcome).toMatchObject({ kind: 'restored', session: { id: restoration.id }, from: { id: old.id } });
    expect(await typesOf(old.id)).toEqual(['created', 'revoked', 'undone', 'restored']);
    expect(await liveOf('lost-commit')).toBe(1);
  });

  it('of an undo: it is reported as done, once', async () => {
    const [old] = await revoked('lost-undo');
    loseNextAnswerTo('restorable_until');
    expect(await undo(store, old!)).toMatchObject({ kind: 'undone' });
    expect(await typesOf(old!.id)).toEqual(['created', 'revoked', 'undone']);
  });
});
