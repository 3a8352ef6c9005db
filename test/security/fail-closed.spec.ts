import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { PostgresSessionStore, SessionHealth } from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { ADAPTERS } from './support/adapters.js';
import { type Answer, Client, presenting, signedIn } from './support/client.js';
import { RuleController } from './support/controllers.js';
import { expectProblem } from './support/expectations.js';
import { setRow, sql } from './support/rows.js';
import { eventually, flushTouches, forget, MovableClocks, followsLog, readsOn } from './support/time.js';

/** Longer than a busy machine takes for the few requests that memory has to answer. */
const LEASE_MS = 10_000;
const TAIL_INTERVAL_MS = 100;
const DEADLINE_MS = 400;
/** For several requests in turn, each with a deadline of its own, on a busy machine. */
const BOUND_MS = 10_000;
const EVERYBODY = { kind: 'all' } as const;
const NOTE = { reason: 'test', by: null };
const SILENT = { log: () => undefined, error: () => undefined, warn: () => undefined };

function expectUnavailable(answer: Answer): void {
  expectProblem(answer, 'SESSION_STORE_UNAVAILABLE');
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  expect(answer.setCookies).toEqual([]);
  expect(answer.headers).not.toHaveProperty('clear-site-data');
}

describe.each(ADAPTERS)('on %s', (adapter) => {
  const clocks = new MovableClocks();
  let node: TestApp;
  let wire: TcpProxy;

  beforeAll(async () => {
    node = await startTestApp({
      adapter,
      logger: SILENT,
      controllers: [RuleController],
      options: { clocks, maxStalenessMs: LEASE_MS, storeDeadlineMs: DEADLINE_MS, tailIntervalMs: TAIL_INTERVAL_MS },
      databaseUrl: async (direct) => {
        const { proxy, url } = await TcpProxy.to(direct);
        wire = proxy;
        return url;
      },
    });
  });
  afterEach(async () => {
    wire.heal();
    await eventually(async () => (await node.app.get(SessionHealth).check()).status !== 'unavailable');
    // A log that is found again makes the node forget what it knows: not in the middle of the next test.
    await readsOn(node);
  });
  afterAll(async () => {
    await node.close();
    await wire.close();
  });

  describe.each([
    [
      'cut off',
      () => {
        wire.cut();
      },
    ],
    [
      'stalled',
      () => {
        wire.stall();
      },
    ],
  ])('with the database %s', (_what, breakIt) => {
    it('[row 66] a session that the node does not know gets 503 with Retry-After in bounded time, never 401 or 200', async () => {
      const user = await signedIn(node, { userId: 'unknown-here' });
      forget(node);
      breakIt();
      const begunAt = performance.now();
      const answers = await Promise.all([
        ...['/me', '/optional', '/strict', '/sessions', '/sessions/current'].map((path) => user.get(path)),
        presenting(node, `ids_${user.sessionId}.0.${'A'.repeat(43)}`).me(),
      ]);
      for (const answer of answers) expectUnavailable(answer);
      expect(performance.now() - begunAt).toBeLessThan(BOUND_MS);
    });

    it('[row 66] a known session is served within its lease and no longer, and afterwards again', async () => {
      // What the node knew before it found the log again it has forgotten.
      await followsLog(node);
      const user = await signedIn(node, { userId: 'known-here' });
      breakIt();
      expect(await user.alive()).toBe(200);
      expect((await user.get('/sessions/current')).status).toBe(200);
      expectUnavailable(await user.get('/strict'));
      clocks.advance(LEASE_MS);
      expectUnavailable(await user.me());
      wire.heal();
      await eventually(async () => (await user.alive()) === 200);
      expect((await user.get('/strict')).status).toBe(200);
    });

    it('[row 66] no change claims success: sign-in, sign-out and revocation get 503, and the cookie stays', async () => {
      const user = await signedIn(node, { userId: 'changing' });
      const { token } = user;
      breakIt();
      const answers = await Promise.all([
        user.del('/sign-out'),
        user.del(`/sessions/${user.sessionId}`),
        user.del('/sessions?includeCurrent=true'),
        user.patch(`/sessions/${user.sessionId}`, { deviceName: 'x' }),
        new Client(node.url).signIn({ userId: 'newcomer' }),
      ]);
      for (const answer of answers) expectUnavailable(answer);
      expect(user.token).toBe(token);
    });

    it('[row 66] what has been refused for want of the database is refused for its own reason once it is back', async () => {
      const user = await signedIn(node, { userId: 'over-meanwhile' });
      forget(node);
      breakIt();
      expectUnavailable(await user.me());
      await PostgresSessionStore.on(node.db.dataSource).end(EVERYBODY, user.sessionId, 'revoked', NOTE);
      wire.heal();
      await eventually(async () => (await user.alive()) !== 503);
      expectProblem(await user.me(), 'SESSION_REVOKED');
    });

    it('[row 66] what needs no database is answered as ever', async () => {
      breakIt();
      expectProblem(await new Client(node.url).me(), 'SESSION_MISSING');
      expectProblem(await presenting(node, 'nonsense').me(), 'SESSION_INVALID');
      expectProblem(await new Client(node.url).post('/sessions'), 'METHOD_NOT_ALLOWED');
    });

    it('[row 66] two hundred requests at once are all answered in bounded time, and the process lives', async () => {
      const user = await signedIn(node, { userId: 'crowd' });
      forget(node);
      breakIt();
      const begunAt = performance.now();
      const answers = await Promise.all(Array.from({ length: 200 }, () => user.me()));
      expect(performance.now() - begunAt).toBeLessThan(BOUND_MS);
      for (const answer of answers) expectUnavailable(answer);
    });

    it('[row 66] accesses that cannot be written deny nothing, and are written once the database is back', async () => {
      const user = await signedIn(node, { userId: 'touching' });
      await setRow(node, user.sessionId, `last_accessed_at = last_accessed_at - interval '1 hour'`);
      breakIt();
      await user.me();
      await flushTouches(node);
      expect(await user.alive()).toBe(200);
      wire.heal();
      await eventually(async () => {
        await flushTouches(node);
        const [row] = await sql<{ ago: number }>(
          node,
          'SELECT extract(epoch FROM clock_timestamp() - last_accessed_at)::float8 AS ago FROM identity_session WHERE id = $1',
          [user.sessionId],
        );
        return row!.ago < 600;
      });
    });
  });

  it('[row 66] connections that the database ends, idle ones too, cost nobody the session', async () => {
    const user = await signedIn(node, { userId: 'terminated' });
    forget(node);
    await sql(
      node,
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    await eventually(async () => (await user.alive()) === 200);
    expect((await user.get('/strict')).status).toBe(200);
  });
});
