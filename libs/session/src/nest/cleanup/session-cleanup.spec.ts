import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { admissionOf, FixedClock, InMemorySessionStore } from 'nestjs-identity-session/testing';
import {
  IdentitySessionError,
  IdentitySessionModule,
  type IdentitySessionOptions,
  SessionAdminService,
  SessionCleanup,
  SessionMetrics,
} from 'nestjs-identity-session';
import { signedIn } from '../../../../../test/security/support/client.js';
import { setRow, sql } from '../../../../../test/security/support/rows.js';
import { eventually, letTimePass, readsOn } from '../../../../../test/security/support/time.js';
import { startTestApp, type TestApp } from '../../../../../test/support/app.js';
import { TcpProxy } from '../../../../../test/support/tcp-proxy.js';
import { KnownSessions } from '../../sync/known-sessions.js';
import { resolveOptions } from '../options/resolve-options.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** So short that no start of the test's server counts as an outage. */
const OPTIONS: IdentitySessionOptions = {
  syncIntervalMs: 50,
  idleMarginMs: 0,
  lifetimes: { idleTimeoutMs: HOUR_MS, absoluteLifetimeMs: DAY_MS },
  /** Only a database that is stalled takes as long; one that is away is told of at once. */
  storeDeadlineMs: 5_000,
};

const cleanupOf = (node: TestApp): SessionCleanup => node.app.get(SessionCleanup);

describe('the cleanup of a node', () => {
  let home: TestApp;
  let other: TestApp;
  let proxy: TcpProxy;

  beforeAll(async () => {
    const databaseUrl = async (direct: string) => {
      const made = await TcpProxy.to(direct);
      proxy = made.proxy;
      return made.url;
    };
    const cleanup = {
      enabled: false,
      intervalMs: 2,
      retentionMs: 7 * DAY_MS,
      inactiveAfterMs: 30 * 60_000,
      scrubAddressesAfterMs: DAY_MS,
    };
    home = await startTestApp({ databaseUrl, options: { ...OPTIONS, cleanup } });
    other = await startTestApp({ joins: home, options: OPTIONS });
  });
  afterEach(() => sql(home, 'TRUNCATE identity_session, identity_session_event CASCADE'));
  afterAll(async () => {
    await other.close();
    await home.close();
    await proxy.close();
  });

  const rowOf = async (id: string) => {
    const [row] = await sql(home, 'SELECT * FROM identity_session WHERE id = $1', [id]);
    return row;
  };
  const eventsOf = async (id: string) =>
    (await sql(home, `SELECT type FROM identity_session_event WHERE session_id = $1 ORDER BY id`, [id])).map(
      ({ type }) => type,
    );
  const metric = (name: string) =>
    home.app
      .get(SessionMetrics)
      .collect()
      .find((sample) => sample.name === `identity_session_${name}`)?.value;

  it('ends sessions whose users never come again, and says why to whoever comes after all', async () => {
    const gone = await signedIn(home, { userId: 'gone' });
    await letTimePass(home, 2 * HOUR_MS);
    const here = await signedIn(home, { userId: 'here' });
    expect(await cleanupOf(home).run()).toMatchObject({ ended: 1, removed: 0 });
    expect(await rowOf(gone.sessionId)).toMatchObject({ status: 'expired', end_reason: 'idle_timeout', due_at: null });
    expect(await eventsOf(gone.sessionId)).toEqual(['created', 'expired']);
    expect((await gone.me()).body.code).toBe('SESSION_EXPIRED');
    expect((await here.me()).status).toBe(200);
  });

  it('reaches the other nodes, which forget the session', async () => {
    const user = await signedIn(other, { userId: 'elsewhere' });
    expect((await user.me()).status).toBe(200);
    const known = other.app.get(KnownSessions, { strict: false });
    await readsOn(other);
    expect(known.trusted(user.sessionId)).toBeDefined();
    await setRow(
      home,
      user.sessionId,
      `due_at = now() - interval '1 minute', expires_at = now() - interval '1 minute'`,
    );
    await cleanupOf(home).run();
    await eventually(() => known.trusted(user.sessionId) === undefined);
    expect((await user.me()).status).toBe(401);
  });

  it('ends what nobody has used for the inactivity age, though its limits are far', async () => {
    const user = await signedIn(home, { userId: 'rare' });
    await letTimePass(home, 40 * 60_000);
    expect(await cleanupOf(home).run()).toMatchObject({ ended: 1 });
    expect(await rowOf(user.sessionId)).toMatchObject({ status: 'expired', end_reason: 'inactive' });
  });

  it('removes ended sessions past the retention with what is known of them, and addresses before', async () => {
    const users = [];
    for (const days of [8, 2, 0])
      users.push({ days, user: await signedIn(home, { userId: `u${days}`, ip: '192.0.2.1' }) });
    for (const { days, user } of users) {
      await home.app.get(SessionAdminService).revoke(user.sessionId, { reason: 'test', by: null });
      await setRow(home, user.sessionId, `ended_at = now() - interval '${days} days'`);
    }
    const [old, middle, fresh] = users.map(({ user }) => user.sessionId);
    await sql(home, `INSERT INTO identity_session_address SELECT id, '192.0.2.9', now(), now() FROM identity_session`);
    await setRow(home, old!, 'scrubbed_at = now()');
    expect(await cleanupOf(home).run()).toMatchObject({ removed: 1, scrubbed: 1 });
    expect(await rowOf(old!)).toBeUndefined();
    expect(await rowOf(middle!)).toMatchObject({ initial_ip: null, last_ip: null, location: null });
    expect(await rowOf(fresh!)).toMatchObject({ initial_ip: '192.0.2.1' });
    expect(await sql(home, 'SELECT session_id FROM identity_session_address')).toEqual([{ session_id: fresh }]);
    // What happened stays on record for as long as the log does.
    expect(await eventsOf(old!)).toEqual(['created', 'revoked']);
  });

  it('writes down what a cut-off has ended, and then forgets the cut-off once nothing can be covered', async () => {
    const user = await signedIn(home, { userId: 'cut' });
    await home.app.get(SessionAdminService).cutOff({ userId: 'cut', reason: 'stolen', by: 'admin' });
    expect(await cleanupOf(home).run()).toMatchObject({ ended: 1, cutOffs: 0 });
    expect(await rowOf(user.sessionId)).toMatchObject({ status: 'revoked', end_reason: 'stolen', ended_by: 'admin' });
    expect(await eventsOf(user.sessionId)).toEqual(['created', 'revoked']);
    await sql(home, `UPDATE identity_session_cut_off SET not_before = now() - interval '2 days'`);
    expect(await cleanupOf(home).run()).toMatchObject({ ended: 0, cutOffs: 1 });
  });

  it('ends nothing for idleness within a sync interval after the database was away', async () => {
    const sync = 3_000;
    const databaseUrl = () => new URL(home.db.database.url).href;
    let way: TcpProxy | undefined;
    const node = await startTestApp({
      joins: home,
      databaseUrl: async () => {
        const made = await TcpProxy.to(databaseUrl());
        way = made.proxy;
        return made.url;
      },
      options: {
        ...OPTIONS,
        syncIntervalMs: sync,
        maxStalenessMs: 400,
        tailIntervalMs: 50,
        cleanup: { enabled: false },
      },
    });
    try {
      const [idle, absolute] = [await signedIn(node, { userId: 'idle' }), await signedIn(node, { userId: 'absolute' })];
      way!.cut();
      await expect(cleanupOf(node).run()).rejects.toMatchObject({ code: 'SESSION_STORE_UNAVAILABLE' });
      way!.heal();
      const healedAt = performance.now();
      await letTimePass(home, 2 * HOUR_MS);
      await setRow(
        home,
        absolute.sessionId,
        "expires_at = now() - interval '1 minute', due_at = now() - interval '1 minute'",
      );
      await eventually(async () => {
        await cleanupOf(node)
          .run()
          .catch(() => undefined);
        return (await rowOf(absolute.sessionId))!['status'] === 'expired';
      });
      const { status } = (await rowOf(idle.sessionId))!;
      // Where the interval is not over yet, as on every machine but the busiest.
      if (performance.now() - healedAt < sync) expect(status).toBe('active');
      await eventually(async () => {
        await cleanupOf(node)
          .run()
          .catch(() => undefined);
        return (await rowOf(idle.sessionId))!['status'] === 'expired';
      });
      expect(performance.now() - healedAt).toBeGreaterThanOrEqual(sync);
    } finally {
      way!.heal();
      await node.close();
      await way!.close();
    }
  });

  it('tells what it has done in the metrics', async () => {
    const before = metric('cleanup_ended_total')!;
    await signedIn(home, { userId: 'counted' });
    await letTimePass(home, 2 * HOUR_MS);
    await cleanupOf(home).run();
    expect(metric('cleanup_ended_total')).toBe(before + 1);
    expect(metric('cleanup_running')).toBe(0);
    expect(metric('cleanup_last_run_timestamp_seconds')).toBeGreaterThan(Date.now() / 1_000 - 60);
  });

  it('answers calls during a run with that run', async () => {
    const cleanup = cleanupOf(home);
    const [one, two] = [cleanup.run(), cleanup.run()];
    expect(cleanup.isRunning).toBe(true);
    expect(two).toBe(one);
    await one;
    expect(cleanup.isRunning).toBe(false);
  });
});

describe('the cleanup by itself', () => {
  const start = async (
    cleanup: IdentitySessionOptions['cleanup'],
    imports: unknown[] = [],
    store = new InMemorySessionStore(),
  ) => {
    const moduleRef = await Test.createTestingModule({
      imports: [IdentitySessionModule.forRoot({ store, cleanup } as IdentitySessionOptions), ...(imports as [])],
    }).compile();
    const app = moduleRef.createNestApplication();
    await app.init();
    return { app, cleanup: app.get(SessionCleanup), store };
  };

  it('runs at intervals, with a store in memory as well', async () => {
    const { app, cleanup, store } = await start({ intervalMs: 5 });
    await eventually(() => cleanup.counts.runs > 2);
    expect((await store.cleanupState()).lastRunAt).not.toBeNull();
    await app.close();
  });

  it('does the rest where one task fails again and again', async () => {
    class SlowAtCutOffs extends InMemorySessionStore {
      override endCutOff(): Promise<never> {
        return Promise.reject(new IdentitySessionError('SESSION_STORE_UNAVAILABLE', 'too slow'));
      }
    }
    const clock = new FixedClock(Date.now());
    const store = new SlowAtCutOffs({ clock });
    const { app, cleanup } = await start({ enabled: false }, [], store);
    const { id } = admissionOf();
    await store.admit(admissionOf({ id }));
    await store.end({ kind: 'all' }, id, 'revoked', { reason: 'test', by: null });
    clock.advance(91 * DAY_MS);
    await expect(cleanup.run()).rejects.toMatchObject({ code: 'SESSION_STORE_UNAVAILABLE' });
    expect((await store.findMany([id])).records).toEqual([]);
    expect(cleanup.counts).toMatchObject({ runs: 0, failures: 1, removed: 1 });
    await app.close();
  });

  it('does nothing where it is switched off, but for who calls it', async () => {
    const { app, cleanup } = await start({ enabled: false, intervalMs: 1 }, [ScheduleModule.forRoot()]);
    expect(app.get(SchedulerRegistry).getIntervals()).toEqual([]);
    // A timer that was started would have fired before this one.
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(cleanup.counts.runs).toBe(0);
    await cleanup.run();
    expect(cleanup.counts.runs).toBe(1);
    await app.close();
  });

  it('is in the registry of @nestjs/schedule where the application has one, until it closes', async () => {
    const { app, cleanup } = await start({ intervalMs: 5 }, [ScheduleModule.forRoot()]);
    const registry = app.get(SchedulerRegistry);
    expect(registry.getIntervals()).toEqual(['identity-session.cleanup']);
    await eventually(() => cleanup.counts.runs > 0);
    registry.deleteInterval('identity-session.cleanup');
    await app.close();
  });

  it('begins nothing more once the application closes', async () => {
    const { app, cleanup } = await start({ enabled: false });
    await app.close();
    await cleanup.run();
    expect(cleanup.counts.runs).toBe(0);
  });
});

describe('the options of the cleanup', () => {
  it('have defaults', () => {
    expect(resolveOptions({}).cleanup).toEqual({
      enabled: true,
      intervalMs: 600_000,
      retentionMs: 90 * DAY_MS,
      scrubLiveAddresses: false,
    });
  });

  it('refuse what would end sessions in use, or says nothing', () => {
    expect(() => resolveOptions({ cleanup: { inactiveAfterMs: 1_000 } })).toThrow(
      /inactiveAfterMs is 1000.* = 1205000/,
    );
    expect(() => resolveOptions({ cleanup: { scrubLiveAddresses: true } })).toThrow(
      /give cleanup.scrubAddressesAfterMs/,
    );
    expect(() => resolveOptions({ cleanup: { retentionMs: 1 } })).toThrow(/retentionMs: must be at least 7200000/);
    expect(() => resolveOptions({ cleanup: { intervallMs: 1 } } as object)).toThrow(/intervallMs/);
  });
});
