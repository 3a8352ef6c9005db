import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type IdentitySessionError, PostgresSessionStore, SessionLocks, SessionService } from 'nestjs-identity-session';
import { InMemorySessionStore } from 'nestjs-identity-session/testing';
import { resolveOptions } from '../../libs/session/src/nest/options/resolve-options.js';
import { eventually } from '../security/support/time.js';
import { startTestApp, type TestApp } from '../support/app.js';

/** Longer than any busy machine sleeps: whoever is asleep for longer than a lease rightly loses the lock. */
const LEASE_MS = 30_000;
/** For tests that wait for one. */
const BRIEF_LEASE_MS = 3_000;
const HOLDER = fileURLToPath(new URL('support/holder.ts', import.meta.url));
const TYPESCRIPT = new URL('../../scripts/typescript.mjs', import.meta.url).href;

const nodes: TestApp[] = [];

beforeAll(async () => {
  const options = { locks: { leaseMs: LEASE_MS } };
  nodes.push(await startTestApp({ options }));
  nodes.push(await startTestApp({ options, joins: nodes[0]! }));
});

afterAll(async () => {
  for (const node of [...nodes].reverse()) await node.close();
});

const locks = (node: number) => nodes[node]!.app.get(SessionLocks);
/** Beside those of the first node. */
const brief = () =>
  new SessionLocks(
    PostgresSessionStore.on(nodes[0]!.db.dataSource),
    resolveOptions({ locks: { leaseMs: BRIEF_LEASE_MS } }),
  );
const query = <T>(sql: string, values: unknown[] = []) => nodes[0]!.db.dataSource.query<T[]>(sql, values);

let users = 0;
const someone = () => {
  users += 1;
  return { tenantId: null, userId: `user ${users}` };
};
const ID = '01890000-0000-7000-8000-000000000000';

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (error as IdentitySessionError).code,
  );
function promised<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}

/** Of the lock that is held for the longest. */
async function expiry(): Promise<number> {
  const rows = await query<{ at: Date }>('SELECT max(expires_at) AS at FROM identity_session_lock');
  return rows[0]!.at.getTime();
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Holds the lock until it is told to let go. */
async function held(on: number | SessionLocks, user: ReturnType<typeof someone>, holdMs = 30_000) {
  const begun = promised<AbortSignal>();
  const over = promised<unknown>();
  const work = (typeof on === 'number' ? locks(on) : on).withUserLock(
    user,
    ({ signal }) => {
      begun.resolve(signal);
      return over.promise;
    },
    { holdMs },
  );
  const outcome = codeOf(work);
  return {
    signal: await begun.promise,
    outcome,
    letGo: () => {
      over.resolve(undefined);
      return outcome;
    },
  };
}

describe('a lock over nodes', () => {
  it('lets in one at a time, on whichever node, with tokens that rise', async () => {
    const user = someone();
    await query('CREATE TABLE counter AS SELECT 0 AS n');
    const tokens: number[] = [];
    let inside = 0;
    const work = Array.from({ length: 16 }, (_, n) =>
      locks(n % 2).withUserLock(
        user,
        async ({ token }) => {
          expect((inside += 1)).toBe(1);
          tokens.push(token);
          // Read and written apart: two at once would lose one.
          const [row] = await query<{ n: number }>('SELECT n FROM counter');
          await query('UPDATE counter SET n = $1::int', [row!.n + 1]);
          inside -= 1;
        },
        { waitMs: 20_000 },
      ),
    );
    await Promise.all(work);
    expect(await query('SELECT n FROM counter')).toEqual([{ n: 16 }]);
    expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
    expect(new Set(tokens).size).toBe(16);
  });

  it('of others is nobody’s concern: sessions, users and tenants have locks of their own', async () => {
    const user = someone();
    const holder = await held(0, user);
    const free = [
      locks(1).withUserLock({ ...user, tenantId: 'acme' }, () => 'done', { waitMs: 0 }),
      locks(1).withUserLock(someone(), () => 'done', { waitMs: 0 }),
      locks(1).withSessionLock(ID, () => 'done', { waitMs: 0 }),
    ];
    expect(await Promise.all(free)).toEqual(['done', 'done', 'done']);
    await holder.letGo();
  });

  it.each([
    ['this node', 0],
    ['another node', 1],
  ])('that %s does not give back is an error after the wait, and the work has not begun', async (_, node) => {
    const user = someone();
    const holder = await held(0, user);
    let hasBegun = false;
    const begunAt = performance.now();
    const work = locks(node).withUserLock(user, () => (hasBegun = true), { waitMs: 150 });
    await expect(work).rejects.toMatchObject({
      code: 'LOCK_NOT_ACQUIRED',
      statusCode: 409,
      details: { retryAfterSeconds: 1 },
    });
    expect(performance.now() - begunAt).toBeGreaterThanOrEqual(149);
    expect(hasBegun).toBe(false);
    expect(await holder.letGo()).toBe('done');
    expect(await locks(node).withUserLock(user, () => 'mine', { waitMs: 0 })).toBe('mine');
  });

  it('is given back by work that throws, and what it throws is the answer', async () => {
    const user = someone();
    const work = locks(0).withUserLock(user, () => Promise.reject(new Error('mine')));
    await expect(work).rejects.toThrow('mine');
    expect(await locks(1).withUserLock(user, () => 'next', { waitMs: 0 })).toBe('next');
  });

  it('is not asked for from within itself, but another one is', async () => {
    const user = someone();
    const nested = await locks(0).withUserLock(user, async () => {
      await turn();
      const again = await codeOf(locks(0).withUserLock(user, () => 'never'));
      const other = await locks(0).withSessionLock(ID, () => codeOf(locks(0).withUserLock(user, () => 'never')));
      return [again, other];
    });
    expect(nested).toEqual(['LOCK_REENTERED', 'LOCK_REENTERED']);
    // Begun inside and carried out afterwards, it waits for nothing of its own.
    let later: Promise<string> | undefined;
    const gone = promised<undefined>();
    await locks(0).withUserLock(user, () => {
      later = gone.promise.then(() => locks(0).withUserLock(user, () => 'later'));
    });
    gone.resolve(undefined);
    expect(await later).toBe('later');
  });

  it('is not what sign-ins of the user wait for', async () => {
    const user = someone();
    const session = await locks(0).withUserLock(user, async () => {
      await nodes[1]!.app.get(SessionService).signIn(user);
      return (await nodes[0]!.app.get(SessionService).signIn(user)).session;
    });
    expect(session.userId).toBe(user.userId);
  });

  it('is renewed for as long as the work takes, and holds no connection', async () => {
    const user = someone();
    const holder = await held(brief(), user);
    const first = await expiry();
    // Twice as long as an unrenewed lease.
    await eventually(async () => (await expiry()) > first + BRIEF_LEASE_MS);
    expect(await codeOf(locks(1).withUserLock(user, () => 'never', { waitMs: 0 }))).toBe('LOCK_NOT_ACQUIRED');
    // What a connection of somebody else does at the moment goes by; this would not.
    await eventually(async () => {
      const rows = await query(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'
         UNION ALL
         SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database
         WHERE datname = current_database() AND locktype = 'advisory'`,
      );
      return rows.length === 0;
    });
    expect(holder.signal.aborted).toBe(false);
    expect(await holder.letGo()).toBe('done');
  });

  it('is lost when the work takes too long: it is told, and the answer is an error', async () => {
    const user = someone();
    const holder = await held(0, user, 100);
    expect(await holder.outcome).toBe('LOCK_LOST');
    expect(holder.signal.aborted).toBe(true);
    expect(holder.signal.reason).toMatchObject({ code: 'LOCK_LOST' });
    expect(await locks(1).withUserLock(user, () => 'next')).toBe('next');
    // Though the work comes to an end after all.
    expect(await holder.letGo()).toBe('LOCK_LOST');
  });

  it('is lost by work that let nothing else happen until it was too late', async () => {
    const work = locks(0).withUserLock(
      someone(),
      () => {
        const until = performance.now() + 120;
        while (performance.now() < until);
      },
      { holdMs: 50 },
    );
    expect(await codeOf(work)).toBe('LOCK_LOST');
  });

  it('is lost when it cannot be renewed', async () => {
    const user = someone();
    const holder = await held(brief(), user);
    await query('DELETE FROM identity_session_lock');
    expect(await holder.outcome).toBe('LOCK_LOST');
    expect(holder.signal.aborted).toBe(true);
  });

  it('is free soon after its process was killed, and not before', async () => {
    const user = someone();
    const url = nodes[0]!.db.database.url;
    const flags = ['--disable-warning=ExperimentalWarning', '--import', TYPESCRIPT];
    const child = spawn(process.execPath, [...flags, HOLDER, url, user.userId, String(BRIEF_LEASE_MS)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    try {
      await once(child.stdout, 'data');
      const first = await expiry();
      await eventually(async () => (await expiry()) > first);
      expect(await codeOf(locks(0).withUserLock(user, () => 'never', { waitMs: 200 }))).toBe('LOCK_NOT_ACQUIRED');
    } finally {
      child.kill('SIGKILL');
    }
    await exited;
    expect(await locks(0).withUserLock(user, () => 'free', { waitMs: 8 * BRIEF_LEASE_MS })).toBe('free');
  });

  it('is waited for by hundreds without starving those who sign in', async () => {
    const busy = someone();
    const holders = [await held(0, busy)];
    const others = Array.from({ length: 50 }, someone);
    for (const user of others) holders.push(await held(1, user));
    const waiting = [...others, ...others.map(() => busy)].map((user) =>
      codeOf(locks(0).withUserLock(user, () => undefined, { waitMs: 20_000 })),
    );
    // With a connection for each who waits, none of the pool's would be left.
    for (let n = 0; n < 10; n += 1) await nodes[0]!.app.get(SessionService).signIn(busy);
    expect(await Promise.all(holders.map(({ letGo }) => letGo()))).toEqual(holders.map(() => 'done'));
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['done']));
  });

  it('takes no wait and no hold time that is none', async () => {
    for (const options of [
      { waitMs: -1 },
      { waitMs: Number.NaN },
      { holdMs: 0 },
      { holdMs: 1.5 },
      { holdMs: Infinity },
    ]) {
      expect(await codeOf(locks(0).withUserLock(someone(), () => 'never', options))).toBe('VALIDATION_FAILED');
    }
    expect(await codeOf(locks(0).withSessionLock('no id', () => 'never'))).toBe('VALIDATION_FAILED');
  });
});

it('waits no longer where the database answers nobody: those behind are not its queue', async () => {
  const blocker = nodes[0]!.db.dataSource.createQueryRunner();
  await blocker.startTransaction();
  try {
    await blocker.query('LOCK TABLE identity_session_lock IN ACCESS EXCLUSIVE MODE');
    const codes: string[] = [];
    const all = Array.from({ length: 8 }, async () => {
      codes.push(await codeOf(locks(0).withUserLock(someone(), () => 'asked', { waitMs: 100 })));
    });
    // Two have asked, and wait for the answer for as long as every statement may take: nobody has waited for theirs.
    await eventually(() => codes.length === 6);
    expect(new Set(codes)).toEqual(new Set(['LOCK_NOT_ACQUIRED']));
    await blocker.rollbackTransaction();
    await Promise.all(all);
    expect(codes.slice(6)).toEqual(['done', 'done']);
  } finally {
    if (blocker.isTransactionActive) await blocker.rollbackTransaction();
    await blocker.release();
  }
});

describe('a lock in memory', () => {
  const inMemory = new SessionLocks(new InMemorySessionStore(), resolveOptions({ locks: { leaseMs: LEASE_MS } }));

  it('keeps the promises within its process', async () => {
    const user = someone();
    let inside = 0;
    const work = () =>
      inMemory.withUserLock(user, async () => {
        expect((inside += 1)).toBe(1);
        await turn();
        inside -= 1;
      });
    await Promise.all([work(), work(), work()]);
    const late = inMemory.withUserLock(user, ({ signal }) => once(signal, 'abort'), { holdMs: 40 });
    expect(await codeOf(inMemory.withUserLock(user, () => 'never', { waitMs: 5 }))).toBe('LOCK_NOT_ACQUIRED');
    expect(await codeOf(late)).toBe('LOCK_LOST');
    expect(await inMemory.withUserLock(user, () => 'next', { waitMs: 0 })).toBe('next');
  });
});

it('a store without locks says so', async () => {
  const without = new SessionLocks({}, resolveOptions({}));
  expect(await codeOf(without.withUserLock(someone(), () => 'never'))).toBe('CONFIGURATION_INVALID');
});
