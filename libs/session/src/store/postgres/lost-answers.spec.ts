import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { connect, sessionDatabase } from '../../../../../test/support/session-database.js';
import { TcpProxy } from '../../../../../test/support/tcp-proxy.js';
import type { ConcurrentLoginPolicy } from '../../core/policy.js';
import { admissionOf } from '../../testing/session-builder.js';
import { PostgresSessionStore } from './postgres-session-store.js';
import { Stopwatch } from '../../../../../test/support/stopwatch.js';

const EVERYWHERE = { kind: 'all' } as const;
const NOTE = { reason: 'test', by: 'admin' };
const ONE: ConcurrentLoginPolicy = [{ scope: 'subject', limit: 1, whenFull: 'evict-oldest' }];

let db: Awaited<ReturnType<typeof sessionDatabase>>;
let proxy: TcpProxy;
let far: DataSource;
let store: PostgresSessionStore;

beforeAll(async () => {
  db = await sessionDatabase();
  const wire = await TcpProxy.to(db.database.url);
  proxy = wire.proxy;
  far = await connect(wire.url);
  store = PostgresSessionStore.on(far, { deadlineMs: 3_000 });
});

afterAll(async () => {
  await far.destroy();
  await proxy.close();
  await db.close();
});

afterEach(() => {
  proxy.loseAnswerTo = undefined;
  proxy.heal();
});

/** The next statement that holds `text` is carried out, but its answer never arrives. */
function loseNextAnswerTo(text: string): void {
  proxy.loseAnswerTo = (sent) => {
    if (!sent.includes(text)) return false;
    proxy.loseAnswerTo = undefined;
    return true;
  };
}

async function eventsOf(id: string): Promise<string[]> {
  const rows: { type: string }[] = await db.dataSource.query(
    'SELECT type FROM identity_session_event WHERE session_id = $1 ORDER BY id',
    [id],
  );
  return rows.map((row) => row.type);
}

describe('an answer that is lost on its way', () => {
  it('of a commit: the sign-in is admitted once, with the same victims', async () => {
    const facts = { userId: 'lost-commit' };
    const old = admissionOf({ facts, policy: ONE });
    await store.admit(old);
    loseNextAnswerTo('COMMIT');
    const admission = admissionOf({ facts, policy: ONE });
    const outcome = await store.admit(admission);
    expect(outcome).toMatchObject({ kind: 'admitted', session: { id: admission.id }, evicted: [{ id: old.id }] });
    expect(await eventsOf(admission.id)).toEqual(['created']);
    expect(await eventsOf(old.id)).toEqual(['created', 'evicted']);
  });

  it('of an ending: it is reported as done, and one terminal event tells of it', async () => {
    const admission = admissionOf();
    await store.admit(admission);
    loseNextAnswerTo('UPDATE identity_session');
    expect(await store.end(EVERYWHERE, admission.id, 'revoked', NOTE)).toMatchObject({ status: 'revoked' });
    expect(await eventsOf(admission.id)).toEqual(['created', 'revoked']);
  });

  it('of a bulk ending: all are counted, each ended once', async () => {
    const facts = { userId: 'lost-bulk' };
    const admissions = [admissionOf({ facts }), admissionOf({ facts }), admissionOf({ facts })];
    for (const admission of admissions) await store.admit(admission);
    loseNextAnswerTo('UPDATE identity_session');
    const ended = await store.endMany({ scope: EVERYWHERE, userId: 'lost-bulk' }, 'revoked', NOTE, 1_000);
    expect(ended.map((record) => record.id).sort()).toEqual(admissions.map(({ id }) => id).sort());
    for (const { id } of admissions) expect(await eventsOf(id)).toEqual(['created', 'revoked']);
  });

  it('of a rotation: the new token is the one that was asked for', async () => {
    const admission = admissionOf();
    await store.admit(admission);
    const tokenDigest = new Uint8Array(32).fill(7);
    loseNextAnswerTo('UPDATE identity_session');
    const rotation = { id: admission.id, fromGeneration: 0, tokenDigest, reauthenticated: false };
    expect(await store.rotate(rotation, NOTE)).toMatchObject({ tokenGeneration: 1 });
    expect(await eventsOf(admission.id)).toEqual(['created', 'rotated']);
  });

  it('[row 8] of a scheduled rotation: one successor, and the old token is kept once', async () => {
    const admission = admissionOf();
    await store.admit(admission);
    const tokenDigest = new Uint8Array(32).fill(8);
    loseNextAnswerTo('UPDATE identity_session');
    const rotation = { id: admission.id, fromGeneration: 0, tokenDigest, reauthenticated: false };
    const rotated = await store.rotate({ ...rotation, previous: { hasSuccessor: true } }, NOTE);
    expect(rotated).toMatchObject({ version: 2, tokenGeneration: 1, previous: { hasSuccessor: true } });
    expect(Buffer.from(rotated?.previous?.digest ?? []).equals(admission.tokenDigest)).toBe(true);
    expect(await eventsOf(admission.id)).toEqual(['created', 'rotated']);
  });
});

describe('an answer that is lost on its way, of a sign-in that waits', () => {
  const facts = { tenantId: null, clientId: null, deviceType: 'web', deviceId: null } as const;
  const pending = {
    requirements: [{ name: 'second_factor', approvers: null }],
    ...{ roles: [], timeLimitMs: 60_000, most: 5 },
  };
  const meetingOf = (id: string) => ({ id, requirement: 'second_factor', by: 'app', isApproval: false });

  it('of what was met: it is met once', async () => {
    const { id } = admissionOf();
    await store.admit(admissionOf({ id, pending }));
    loseNextAnswerTo('COMMIT');
    expect(await store.meet(EVERYWHERE, meetingOf(id))).toMatchObject({ session: { version: 2 } });
    expect(await eventsOf(id)).toEqual(['created', 'requirement_met']);
  });

  it('of its completion: it is active once, under the token that was asked for, with the same victims', async () => {
    const userId = 'lost-completion';
    const old = admissionOf({ facts: { userId } });
    await store.admit(old);
    const { id } = admissionOf();
    await store.admit(admissionOf({ id, facts: { userId }, pending }));
    await store.meet(EVERYWHERE, meetingOf(id));
    const tokenDigest = new Uint8Array(32).fill(9);
    const lifetimes = { idleTimeoutMs: 60_000, absoluteLifetimeMs: 60_000 };
    loseNextAnswerTo('COMMIT');
    const outcome = await store.activate(
      {
        ...{ scope: EVERYWHERE, id, facts: { ...facts, userId }, policy: ONE, ...lifetimes },
        ...{ answer: null, question: null, completes: { fromGeneration: 0, tokenDigest } },
      },
      NOTE,
    );
    expect(outcome).toMatchObject({ kind: 'activated', evicted: [{ id: old.id }], session: { tokenGeneration: 1 } });
    const [record] = (await store.findMany([id])).records;
    expect(Buffer.from(record?.tokenDigest ?? []).equals(tokenDigest)).toBe(true);
    expect(await eventsOf(id)).toEqual(['created', 'requirement_met', 'activated']);
    expect(await eventsOf(old.id)).toEqual(['created', 'evicted']);
  });
});

describe('a database that is away', () => {
  it('is told as unavailable with the time to wait, and never as an ending that succeeded', async () => {
    const admission = admissionOf();
    await store.admit(admission);
    proxy.cut();
    await expect(store.end(EVERYWHERE, admission.id, 'revoked', NOTE)).rejects.toMatchObject({
      code: 'SESSION_STORE_UNAVAILABLE',
      statusCode: 503,
      details: { retryAfterSeconds: 1 },
    });
    proxy.heal();
    expect(await store.exists(admission.id)).toBe(true);
  });

  it('that stalls is given up on in bounded time', async () => {
    proxy.stall();
    const watch = new Stopwatch();
    await expect(store.now()).rejects.toMatchObject({ code: 'SESSION_STORE_UNAVAILABLE' });
    expect(watch.stop()).toBeLessThan(4_500);
  });
});
