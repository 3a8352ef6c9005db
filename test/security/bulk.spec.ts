import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionAdminService } from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { IN_FULL } from '../support/in-full.js';
import { type Client, signedIn } from './support/client.js';
import { expectProblem } from './support/expectations.js';
import { sql } from './support/rows.js';
import { forget } from './support/time.js';
import { Stopwatch } from '../support/stopwatch.js';

const ROWS = IN_FULL ? 200_000 : 50_000;
const TENANT_ROWS = 3_000;
const USER_ROWS = 40;
const NOTE = { reason: 'incident', by: 'admin' } as const;

/** Sessions that nobody on any node has seen: a few of them of tenant `acme`, some of one user. */
async function seed(node: TestApp): Promise<void> {
  await sql(
    node,
    `INSERT INTO identity_session (id, tenant_id, user_id, device_type, status, scope_keys, token_digest, rotation_salt,
       assurance, remember_me, created_at, authenticated_at, last_accessed_at, idle_timeout_ms, expires_at, due_at)
     SELECT gen_random_uuid(), CASE WHEN n <= $2 THEN 'acme' ELSE '' END,
       CASE WHEN n > $1 - $3 THEN 'mallory' ELSE 'user-' || n / 3 END, 'web', 'active', '{}', '\\x00', '\\x00', 'aal1',
       false, at, at, at, 86400000, at + interval '30 days', at + interval '1 day'
     FROM generate_series(1, $1::int) AS n,
       (SELECT date_trunc('milliseconds', clock_timestamp() - interval '1 minute') AS at) moment`,
    [ROWS, TENANT_ROWS, USER_ROWS],
  );
  await sql(node, 'ANALYZE identity_session');
}

describe(`ending many sessions, with ${ROWS} there and sign-ins in flight`, () => {
  let home: TestApp;
  let other: TestApp;
  let admin: SessionAdminService;
  let isOver = false;
  let signIns: Promise<number[]>;

  beforeAll(async () => {
    home = await startTestApp();
    await seed(home);
    other = await startTestApp({ joins: home });
    admin = other.app.get(SessionAdminService);
    // All the while others sign in, some of them to what is being ended.
    let turn = 0;
    const signInAgainAndAgain = async (): Promise<number> => {
      let count = 0;
      for (; !isOver; turn += 1, count += 1) {
        const tenant = turn % 2 === 0 ? { tenantId: 'acme' } : {};
        await signedIn(home, { userId: `newcomer-${turn % 50}`, ...tenant });
      }
      return count;
    };
    signIns = Promise.all(Array.from({ length: 3 }, signInAgainAndAgain));
  });
  afterAll(async () => {
    isOver = true;
    expect((await signIns).every((count) => count > 0)).toBe(true);
    await other.close();
    await home.close();
  });

  const live = (filter: object) => admin.count({ status: 'live', ...filter });

  /** Known to one node and unknown to the one that ends them. */
  const users = (input: { userId: string; tenantId?: string }): Promise<Client[]> =>
    Promise.all([1, 2, 3].map(() => signedIn(home, input)));

  async function expectEnded(clients: readonly Client[]): Promise<void> {
    for (const client of clients) {
      expectProblem(await client.at(other).me(), 'SESSION_REVOKED');
      // Within the bound of every node.
      for (let status = 0; status !== 401;) ({ status } = await client.me());
    }
  }

  it('[row 28] an administrator ends one', async () => {
    const [one, ...others] = await users({ userId: 'one-of-three' });
    expect(await admin.revoke(one!.sessionId, NOTE)).toBeDefined();
    await expectEnded([one!]);
    for (const each of others) expect(await each.alive()).toBe(200);
  });

  it('[row 28, 29] an administrator ends a user’s, whether any node knows them or not', async () => {
    const seen = await users({ userId: 'mallory' });
    for (const node of [home, other]) forget(node);
    expect(await admin.revokeAll({ filter: { userId: 'mallory' }, ...NOTE })).toEqual({ revoked: USER_ROWS + 3 });
    expect(await live({ userId: 'mallory' })).toBe(0);
    await expectEnded(seen);
  });

  it('[row 29] what a node has in memory decides nothing: sessions that it holds for dead or has never seen end too', async () => {
    const held = await users({ userId: 'in-memory' });
    for (const each of held) expect(await each.at(other).alive()).toBe(200);
    // Behind the node's back one is another user's by now, and another has ended.
    await sql(home, `UPDATE identity_session SET user_id = 'elsewhere' WHERE id = $1`, [held[0]!.sessionId]);
    await sql(home, `UPDATE identity_session SET status = 'revoked', ended_at = now(), due_at = NULL WHERE id = $1`, [
      held[1]!.sessionId,
    ]);
    expect(await admin.revokeAll({ filter: { userId: 'in-memory' }, ...NOTE })).toEqual({ revoked: 1 });
    expect(await live({ userId: 'elsewhere' })).toBe(1);
  });

  it('[row 28, 29] an administrator ends a tenant’s, and what survives came meanwhile, is listed and can be ended', async () => {
    const seen = await users({ userId: 'member', tenantId: 'acme' });
    const before = await live({});
    const begunAt = Date.now();
    const { revoked } = await admin.revokeAll({ filter: { tenantId: 'acme' }, ...NOTE });
    expect(revoked).toBeGreaterThanOrEqual(TENANT_ROWS + 3);
    await expectEnded(seen);
    const page = { limit: 1_000, descending: false, after: null };
    const survivors = await admin.search({ tenantId: 'acme', status: 'live' }, page);
    for (const { createdAt } of survivors) expect(createdAt.getTime()).toBeGreaterThan(begunAt - 1_000);
    for (const { id } of survivors.slice(0, 5)) expect(await admin.revoke(id, NOTE)).toBeDefined();
    // Nobody else's has ended.
    expect(await live({ tenantId: null })).toBeGreaterThan(before - revoked - 10);
  });

  it('[row 28] an administrator ends all at once, however many there are', async () => {
    const seen = await users({ userId: 'everybody' });
    const watch = new Stopwatch();
    await admin.cutOff(NOTE);
    expect(watch.stop()).toBeLessThan(5_000);
    for (const client of seen) {
      expect(await client.at(other).alive()).toBe(401);
      for (let status = 0; status !== 401;) ({ status } = await client.me());
    }
    expect(await live({ tenantId: null, userId: 'user-5000' })).toBe(0);
    expect(await (await signedIn(home, { userId: 'afterwards' })).alive()).toBe(200);
  });
});
