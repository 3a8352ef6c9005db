import { Controller, Get, Param } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AllowAnonymous, SessionChecker } from 'nestjs-identity-session';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Client, signedIn } from './support/client.js';
import { RuleController } from './support/controllers.js';
import { expectProblem } from './support/expectations.js';
import { countUpdates, setRow, sql } from './support/rows.js';
import { DEAF, eventually, flushTouches, followsLog, MUTE } from './support/time.js';

const REQUESTS = 1_000;
const AT_ONCE = 20;

/** All of a session's row, and which transaction wrote it last. */
async function rowOf(node: TestApp, { sessionId }: Client): Promise<object> {
  const [row] = await sql(node, 'SELECT xmin::text, ctid::text, s.* FROM identity_session s WHERE id = $1', [
    sessionId,
  ]);
  return row ?? {};
}

async function lastAccess(node: TestApp, { sessionId }: Client): Promise<number> {
  const [row] = await sql<{ at: Date }>(node, 'SELECT last_accessed_at AS at FROM identity_session WHERE id = $1', [
    sessionId,
  ]);
  return row?.at.getTime() ?? Number.NaN;
}

async function poll(user: Client): Promise<void> {
  for (let sent = 0; sent < REQUESTS; sent += AT_ONCE) {
    const statuses = await Promise.all(Array.from({ length: AT_ONCE }, () => user.alive()));
    expect(new Set(statuses)).toEqual(new Set([200]));
  }
}

describe.each(ADAPTERS)('on %s', (adapter) => {
  const nodes: TestApp[] = [];
  const start = async (given: TestAppOptions = {}): Promise<TestApp> => {
    const node = await startTestApp({ adapter, ...given });
    nodes.push(node);
    return node;
  };
  let home: TestApp;
  let updatesOf: (id: string) => Promise<number>;

  beforeAll(async () => {
    home = await start({ controllers: [RuleController] });
    updatesOf = await countUpdates(home);
  });
  afterAll(async () => {
    for (const node of nodes.reverse()) await node.close();
  });

  it('[row 21] a thousand requests inside one sync interval write no row, and one when the application closes', async () => {
    const node = await startTestApp({ adapter, joins: home });
    const user = await signedIn(node, { userId: 'busy' });
    await poll(user);
    expect(await updatesOf(user.sessionId)).toBe(0);
    const { body } = await user.get('/sessions/current');
    await node.close();
    expect(await updatesOf(user.sessionId)).toBe(1);
    // Nothing is lost: the database has the last of the thousand. Its own clock is what bounds it.
    expect(await lastAccess(home, user)).toBeGreaterThan(Date.parse(String(body['lastAccessedAt'])) - 50);
  });

  it('[row 21] over several sync intervals there is at most one write in each', async () => {
    const syncIntervalMs = 200;
    const node = await start({ joins: home, options: { syncIntervalMs } });
    const user = await signedIn(node, { userId: 'steady' });
    const begunAt = performance.now();
    await poll(user);
    await eventually(async () => (await updatesOf(user.sessionId)) > 0);
    const updates = await updatesOf(user.sessionId);
    expect(updates).toBeLessThanOrEqual(Math.ceil((performance.now() - begunAt) / syncIntervalMs));
  });

  it('[row 20] a request that touches nothing writes nothing', async () => {
    const user = await signedIn(home, { userId: 'heartbeat' });
    const before = await rowOf(home, user);
    for (let sent = 0; sent < 10; sent++) expect((await user.get('/peek')).status).toBe(200);
    await flushTouches(home);
    expect(await rowOf(home, user)).toEqual(before);
  });

  it('[row 21] lastAccessedAt never goes back: an older access of one node does not undo a later one of another', async () => {
    const other = await start({ joins: home });
    const user = await signedIn(home, { userId: 'roaming' });
    await user.me();
    await user.at(other).me();
    await flushTouches(other);
    const later = await lastAccess(home, user);
    await flushTouches(home);
    expect(await lastAccess(home, user)).toBe(later);
  });

  it('[row 21] what a client is told of its last access never goes back, whichever way it asks', async () => {
    const user = await signedIn(home, { userId: 'watcher' });
    let latest = 0;
    for (const path of ['/sessions/current', '/sessions', '/sessions/current', '/sessions', '/sessions/current']) {
      const { body } = await user.get(path);
      const session = path === '/sessions' ? body.items[0] : body;
      const told = Date.parse(String(session?.['lastAccessedAt']));
      expect(told).toBeGreaterThanOrEqual(latest);
      latest = told;
    }
  });

  it('[row 19] touching a session that was ended elsewhere changes no row', async () => {
    const elsewhere = await start({ joins: home, options: MUTE });
    const deaf = await start({ joins: home, options: DEAF });
    await followsLog(deaf);
    const user = await signedIn(deaf, { userId: 'ended-elsewhere' });
    expect(await user.alive()).toBe(200);
    await user.at(elsewhere).del('/sign-out');
    const ended = await rowOf(home, user);
    // Within its lease the node has not heard of it: the access is buffered.
    expect(await user.alive()).toBe(200);
    await flushTouches(deaf);
    expect(await rowOf(home, user)).toEqual(ended);
    expect(ended).toMatchObject({ status: 'signed_out' });
  });

  it('[row 19] an access that is buffered when the session ends here is not written after it', async () => {
    const user = await signedIn(home, { userId: 'ended-here' });
    await user.me();
    await user.del('/sign-out');
    const ended = await rowOf(home, user);
    expectProblem(await user.me(), 'SESSION_MISSING');
    await flushTouches(home);
    expect(await rowOf(home, user)).toEqual(ended);
  });

  it('[row 19] what has been deleted from the database comes back by no touch', async () => {
    const user = await signedIn(home, { userId: 'deleted' });
    await user.me();
    await sql(home, 'DELETE FROM identity_session WHERE id = $1', [user.sessionId]);
    await user.me();
    await flushTouches(home);
    expect(await rowOf(home, user)).toEqual({});
  });

  it('[row 21] a touch waits for no lock: a row that somebody holds is written later', async () => {
    const user = await signedIn(home, { userId: 'locked' });
    await setRow(home, user.sessionId, `last_accessed_at = last_accessed_at - interval '1 minute'`);
    const before = await lastAccess(home, user);
    const runner = home.db.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query('SELECT 1 FROM identity_session WHERE id = $1 FOR UPDATE', [user.sessionId]);
    expect(await user.alive()).toBe(200);
    await flushTouches(home);
    await runner.rollbackTransaction();
    await runner.release();
    expect(await lastAccess(home, user)).toBe(before);
    await flushTouches(home);
    expect(await lastAccess(home, user)).toBeGreaterThan(before);
  });
});

/** Holds its answer back until it is told to go on, and accesses a session then. */
@Controller()
class SlowController {
  static waiting: (() => void)[] = [];

  constructor(private readonly checker: SessionChecker) {}

  @AllowAnonymous()
  @Get('slow/:token')
  async slow(@Param('token') token: string) {
    await new Promise<void>((resolve) => SlowController.waiting.push(resolve));
    const { session } = await this.checker.verify(token);
    return { accessedAt: session?.lastAccessedAt };
  }
}

describe.each(ADAPTERS)('while it closes, on %s', (adapter) => {
  it('[row 21] an access of a request that is answered during the shutdown is written too', async () => {
    const home = await startTestApp({ adapter });
    try {
      const node = await startTestApp({ adapter, joins: home, controllers: [SlowController] });
      const user = await signedIn(node, { userId: 'last-moment', transport: 'bearer' });
      await setRow(home, user.sessionId, `last_accessed_at = last_accessed_at - interval '1 minute'`);
      SlowController.waiting = [];
      const answer = user.request('GET', `/slow/${user.token}`, { headers: { connection: 'close' } });
      await eventually(() => SlowController.waiting.length > 0);
      const closed = node.close();
      // Once it accepts no connection any more, the first round of writing is over.
      await eventually(() => node.app.getHttpServer().listening === false);
      for (const goOn of SlowController.waiting) goOn();
      const { status, body } = await answer;
      await closed;
      expect(status).toBe(200);
      expect(await lastAccess(home, user)).toBeGreaterThan(Date.parse(String(body['accessedAt'])) - 50);
    } finally {
      await home.close();
    }
  });
});
