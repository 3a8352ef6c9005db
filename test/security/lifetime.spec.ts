import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { ADAPTERS } from './support/adapters.js';
import { type Client, signedIn } from './support/client.js';
import { ElevateController, RuleController } from './support/controllers.js';
import { expectProblem } from './support/expectations.js';
import { setRow, sql } from './support/rows.js';
import { DEAF, eventually, flushTouches, followsLog, forget, letTimePass, MovableClocks } from './support/time.js';

const IDLE_MS = 120_000;
const ABSOLUTE_MS = 600_000;
const OPTIONS = {
  lifetimes: { idleTimeoutMs: IDLE_MS, absoluteLifetimeMs: ABSOLUTE_MS },
  syncIntervalMs: 30_000,
};

describe.each(ADAPTERS)('on %s', (adapter) => {
  let node: TestApp;

  beforeAll(async () => {
    node = await startTestApp({
      adapter,
      options: OPTIONS,
      controllers: [RuleController, ElevateController],
    });
  });
  afterAll(() => node.close());

  /** Last accessed so long ago, as far as the database knows. */
  const lastAccessed = (client: Client, agoMs: number): Promise<void> =>
    setRow(node, client.sessionId, `last_accessed_at = clock_timestamp() - ${agoMs} * interval '1 ms'`);
  const ends = (client: Client, inMs: number): Promise<void> =>
    setRow(node, client.sessionId, `expires_at = clock_timestamp() + ${inMs} * interval '1 ms'`);
  const times = async (client: Client): Promise<Record<string, number>> => {
    const { body } = await client.get('/sessions/current');
    const keys = ['createdAt', 'authenticatedAt', 'lastAccessedAt', 'idleExpiresAt', 'expiresAt'];
    return Object.fromEntries(keys.map((key) => [key, Date.parse(String(body[key]))]));
  };

  it('[row 13] a session is admitted a second before its idle limit and refused a second after', async () => {
    const user = await signedIn(node, { userId: 'idle' });
    forget(node);
    await lastAccessed(user, IDLE_MS - 1_000);
    expect((await user.get('/peek')).status).toBe(200);
    forget(node);
    await lastAccessed(user, IDLE_MS + 1_000);
    expectProblem(await user.get('/peek'), 'SESSION_EXPIRED');
    expectProblem(await user.me(), 'SESSION_EXPIRED');
  });

  it('[row 20] a client that only polls a route that touches nothing dies of idleness, and one in use does not', async () => {
    const poller = await signedIn(node, { userId: 'heartbeats' });
    const user = await signedIn(node, { userId: 'in-use' });
    for (let spent = 0; spent < 2; spent += 1) {
      await letTimePass(node, IDLE_MS / 2 - 5_000);
      for (let beat = 0; beat < 5; beat += 1) expect((await poller.get('/peek')).status).toBe(200);
      expect(await user.alive()).toBe(200);
    }
    await letTimePass(node, 15_000);
    expectProblem(await poller.get('/peek'), 'SESSION_EXPIRED');
    expect(await user.alive()).toBe(200);
  });

  it('[row 20] routes without a session are no activity of the session that a browser sends along', async () => {
    const user = await signedIn(node, { userId: 'passing-by' });
    const before = await times(user);
    await letTimePass(node, IDLE_MS / 2);
    // Anybody may sign in; whoever is refused has not been there.
    expect((await user.request('POST', '/sign-in', { body: { userId: '' } })).status).toBe(400);
    await flushTouches(node);
    const [row] = await sql<{ at: Date }>(node, 'SELECT last_accessed_at AS at FROM identity_session WHERE id = $1', [
      user.sessionId,
    ]);
    expect(row!.at.getTime()).toBeLessThan(before['lastAccessedAt']! - IDLE_MS / 2 + 1_000);
  });

  it('[row 14] a client that polls every idle/2 still dies on time', async () => {
    const user = await signedIn(node, { userId: 'poller' });
    for (let spent = IDLE_MS / 2; spent < ABSOLUTE_MS; spent += IDLE_MS / 2) {
      await letTimePass(node, IDLE_MS / 2);
      expect({ spent, status: await user.alive() }).toEqual({ spent, status: 200 });
    }
    await letTimePass(node, IDLE_MS / 2);
    expectProblem(await user.me(), 'SESSION_EXPIRED');
    await letTimePass(node, IDLE_MS / 2);
    expectProblem(await user.get('/strict'), 'SESSION_EXPIRED');
  });

  it('[row 14] the absolute limit holds within a second, for what is read from the database', async () => {
    let user = await signedIn(node, { userId: 'absolute' });
    // A busy machine may take longer to ask than a second.
    await eventually(async () => {
      user = await signedIn(node, { userId: 'absolute' });
      await ends(user, 1_000);
      return (await user.get('/strict')).status === 200;
    });
    await ends(user, -1);
    expectProblem(await user.get('/strict'), 'SESSION_EXPIRED');
    expectProblem(await user.me(), 'SESSION_EXPIRED');
  });

  it('[row 16] activity moves the idle limit only; authenticating again moves both', async () => {
    const user = await signedIn(node, { userId: 'active' });
    const atSignIn = await times(user);
    await letTimePass(node, 90_000);
    const shifted = (key: string) => atSignIn[key]! - 90_000;
    const later = await times(user);
    for (const key of ['createdAt', 'authenticatedAt', 'expiresAt']) expect(later[key]).toBe(shifted(key));
    expect(later['lastAccessedAt']).toBeGreaterThanOrEqual(shifted('lastAccessedAt') + 90_000);
    expect(later['idleExpiresAt']).toBe(later['lastAccessedAt']! + IDLE_MS);

    await user.post('/elevate', { assurance: 'aal2' });
    const elevated = await times(user);
    expect(elevated['createdAt']).toBe(later['createdAt']);
    expect(elevated['authenticatedAt']).toBeGreaterThanOrEqual(later['lastAccessedAt']!);
    expect(elevated['expiresAt']).toBe(elevated['authenticatedAt']! + ABSOLUTE_MS);
    expect(elevated['idleExpiresAt']).toBe(elevated['lastAccessedAt']! + IDLE_MS);
  });

  it('[row 16] authenticating again revives nothing that has run out', async () => {
    for (const runOut of [(user: Client) => lastAccessed(user, 2 * IDLE_MS), (user: Client) => ends(user, -1)]) {
      const user = await signedIn(node, { userId: 'too-late' });
      // The node trusts what it knows, and lets the request in.
      await runOut(user);
      expectProblem(await user.post('/elevate', { assurance: 'aal2' }), 'SESSION_NOT_FOUND');
    }
  });

  it('[row 17] the Max-Age of a remembered session never exceeds what is left of it', async () => {
    const user = await signedIn(node, { userId: 'remembered', rememberMe: true });
    const maxAge = (line = '') => Number(/; Max-Age=([0-9]+)/.exec(line)?.[1] ?? Number.NaN);
    for (const spent of [0, 100_000, 300_000, 150_000]) {
      await letTimePass(node, spent);
      const [asked] = await sql<{ at: Date }>(node, 'SELECT clock_timestamp() AS at');
      const answer = await user.post('/elevate', { assurance: 'aal1' });
      const [row] = await sql<{ left: number; ofAsked: number }>(
        node,
        `SELECT extract(epoch FROM expires_at - clock_timestamp())::float8 AS left,
           extract(epoch FROM expires_at - $2::timestamptz)::float8 AS "ofAsked" FROM identity_session WHERE id = $1`,
        [user.sessionId, asked!.at],
      );
      // Told between the two; whole seconds.
      expect(maxAge(answer.setCookies[0])).toBeLessThanOrEqual(Math.ceil(row!.ofAsked));
      expect(maxAge(answer.setCookies[0])).toBeGreaterThan(row!.left - 2);
    }
  });

  it('[row 17] the cookie of a session that is not remembered ends with the browser', async () => {
    const user = await signedIn(node, { userId: 'not-remembered' });
    const { setCookies } = await user.post('/elevate', { assurance: 'aal2' });
    expect(setCookies).toHaveLength(1);
    expect(setCookies[0]).not.toMatch(/max-age|expires/i);
  });

  it('[row 18] what has run out is refused and listed nowhere although nobody has cleaned up', async () => {
    const gone = await signedIn(node, { userId: 'forgetful' });
    const user = await signedIn(node, { userId: 'forgetful' });
    await flushTouches(node);
    await setRow(node, gone.sessionId, `expires_at = clock_timestamp()`);
    forget(node);
    expectProblem(await gone.me(), 'SESSION_EXPIRED');
    const { items } = (await user.get('/sessions')).body;
    expect(items.map(({ id }) => id)).toEqual([user.sessionId]);
    const [row] = await sql(node, 'SELECT status FROM identity_session WHERE id = $1', [gone.sessionId]);
    expect(row).toEqual({ status: 'active' });
  });
});

describe.each(ADAPTERS)('with a lease that outlives the session, on %s', (adapter) => {
  const clocks = new MovableClocks();
  const queries: string[] = [];
  let node: TestApp;

  beforeAll(async () => {
    const options = { ...OPTIONS, ...DEAF, clocks, maxStalenessMs: 10 * ABSOLUTE_MS };
    node = await startTestApp({ adapter, options, onQuery: (query) => queries.push(query) });
    await followsLog(node);
  });
  afterAll(() => node.close());

  it('[row 13] a node that knows of no access asks the database before it refuses for idleness', async () => {
    const user = await signedIn(node, { userId: 'used-elsewhere' });
    clocks.advance(IDLE_MS + 1_000);
    queries.length = 0;
    // For the database no time has passed: another node may have seen the user.
    expect(await user.alive()).toBe(200);
    expect(queries).toHaveLength(1);
  });

  it('[row 14] a polled session that the node knows dies on time without the database', async () => {
    const user = await signedIn(node, { userId: 'cached' });
    queries.length = 0;
    for (let spent = 0; spent < ABSOLUTE_MS - IDLE_MS / 2; spent += IDLE_MS / 2) {
      clocks.advance(IDLE_MS / 2);
      expect(await user.alive()).toBe(200);
    }
    clocks.advance(IDLE_MS / 2);
    expectProblem(await user.me(), 'SESSION_EXPIRED');
    // Accesses are written behind the requests.
    expect(queries.filter((query) => !query.includes('unnest'))).toEqual([]);
  });
});
