import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { eventually } from '../../../../../test/security/support/time.js';
import { answering } from '../../../../../test/support/answering-redis.js';
import { describeWithOwnRedis, OwnRedis } from '../../../../../test/support/redis.js';
import { newSessionId, systemTokenSource } from '../../core/token.js';
import { loadRedis } from '../../redis/load-redis.js';
import { RedisConnection } from '../../redis/redis-connection.js';
import { sessionRecordOf } from '../../testing/record-builder.js';
import type { SharedSession } from '../shared-session-cache.js';
import { RedisSessionCache } from './redis-session-cache.js';
import { MOST_BYTES, SharedSessionCodec } from './shared-session-codec.js';

const DEADLINE_MS = 100;
/** For five hundred calls that wait for one deadline together: one after the other they would take fifty seconds. */
const BOUND_MS = 10_000;
const RECORD = sessionRecordOf();

describeWithOwnRedis('the shared level in Redis', () => {
  let redis: OwnRedis;
  let connection: RedisConnection;
  /** How often the connection was given up, and how often it was there again: it reconnects at once, so that it is away too briefly to be seen. */
  let lost = 0;
  let restored = 0;
  let namespace: string;
  /** What Redis answers, however long a busy machine takes. */
  let cache: RedisSessionCache;
  /** What becomes of it in time. */
  let impatient: RedisSessionCache;
  let id: string;
  let key: string;

  const codec = () => new SharedSessionCodec(namespace);
  const cacheOn = (port: Pick<RedisConnection, 'call'>, codecOfIt = codec()) =>
    new RedisSessionCache(
      { namespace },
      { redis: port, codec: codecOfIt, monotonic: () => performance.now(), random: Math.random },
    );

  const shared = (version = 1, asOf = 1_000, userId = 'alice'): SharedSession => ({
    record: { ...RECORD, id, version, userId },
    asOf,
    server: 'this',
    lastAccessedAt: 1_000,
    lastIp: null,
  });

  /** Puts, and waits until the write has ended one way or another. */
  async function put(session: SharedSession, lifetimeMs = 60_000, by = cache): Promise<void> {
    const ended = () => by.counts.writes + by.counts.failures + by.counts.timeouts + by.counts.skipped;
    const before = ended();
    by.put(session, lifetimeMs);
    await eventually(() => ended() > before);
  }

  /** Puts until it is taken: what has just failed is left alone for a while, and a starved machine loses its connection. */
  async function putInTheEnd(session: SharedSession, by = cache): Promise<void> {
    const before = by.counts.writes;
    await eventually(async () => {
      await put(session, 60_000, by);
      return by.counts.writes > before;
    });
  }

  beforeAll(async () => {
    redis = await OwnRedis.start();
    connection = new RedisConnection(
      await loadRedis(),
      { url: redis.url, deadlineMs: DEADLINE_MS },
      {
        monotonic: () => performance.now(),
        random: Math.random,
        onLost: () => {
          lost += 1;
        },
        onRestored: () => {
          restored += 1;
        },
      },
    );
    connection.open();
  });

  afterAll(async () => {
    await connection.close();
    await redis.close();
  });

  beforeEach(async () => {
    namespace = redis.namespace();
    id = newSessionId(systemTokenSource, Date.now());
    key = `${namespace}:s1:{${id}}`;
    cache = cacheOn(answering(connection));
    impatient = cacheOn(connection);
    await eventually(async () => connection.isReady && (await connection.call(['PING'])).kind === 'reply');
  });

  it('gives back what was put, and nothing for what was not', async () => {
    await put(shared());
    expect(await cache.get(id)).toEqual(shared());
    expect(await cache.get(newSessionId(systemTokenSource, 0))).toBeUndefined();
    expect(cache.counts).toMatchObject({ hits: 1, misses: 1, writes: 1, failures: 0 });
  });

  it('forgets after the lifetime', async () => {
    await put(shared(), 60_000);
    const left = Number(await redis.command('PTTL', key));
    expect(left).toBeGreaterThan(30_000);
    expect(left).toBeLessThanOrEqual(60_000);
    await put(shared(2), 1);
    await eventually(async () => (await cache.get(id)) === undefined);
  });

  it('keeps what is newer, by version and then by when it was so', async () => {
    const cases: [SharedSession, SharedSession][] = [
      [shared(2, 1_000), shared(1, 9_000)],
      [shared(2, 1_000.5), shared(2, 1_000.25)],
      [shared(10, 1), shared(9, 2)],
    ];
    for (const [newer, older] of cases) {
      for (const order of [
        [newer, older],
        [older, newer],
      ]) {
        await redis.command('DEL', key);
        for (const session of order) await put(session);
        expect(await cache.get(id)).toEqual(newer);
      }
    }
  });

  it('keeps the newest of many that write at once', async () => {
    const versions = Array.from({ length: 50 }, (_, n) => ((n * 17) % 50) + 1);
    for (const version of versions) cache.put(shared(version), 60_000);
    await eventually(() => cache.counts.writes === 50);
    expect((await cache.get(id))?.record.version).toBe(50);
  });

  it('does not look at what is no id', async () => {
    for (const strange of ['', '*', '{x}', '../x', 'a'.repeat(10_000), 'toString']) {
      expect(await cache.get(strange)).toBeUndefined();
    }
    expect(cache.counts.misses).toBe(0);
  });

  it.each<[string, () => string | Promise<unknown>, keyof RedisSessionCache['counts']['refused']]>([
    ['cut off', () => codec().encode(shared())!.slice(0, -20), 'malformed'],
    ['of an older format', () => `0${codec().encode(shared())!.slice(1)}`, 'format'],
    ['no text', () => '\xff\xfe\0', 'format'],
    [
      'of another session',
      () => codec().encode({ ...shared(), record: { ...RECORD, id: newSessionId(systemTokenSource, 0) } })!,
      'foreign',
    ],
    ['of five megabytes', () => `${codec().encode(shared())!}${' '.repeat(5_000_000)}`, 'oversize'],
    ['a list', () => redis.command('RPUSH', key, 'x'), 'type'],
    ['a hash', () => redis.command('HSET', key, 'id', id), 'type'],
  ])('refuses a value that is %s, and a good one takes its place', async (_name, plant, reason) => {
    const planted = plant();
    if (typeof planted === 'string') await redis.command('SET', key, planted);
    else await planted;
    expect(await cache.get(id)).toBeUndefined();
    expect(cache.counts.refused[reason]).toBe(1);
    await put(shared());
    expect(await cache.get(id)).toEqual(shared());
  });

  it('is not held by a value that claims to be newer than anything', async () => {
    await redis.command('SET', key, '1 9999999999999999 9999999999999999 -\n{}');
    expect(await cache.get(id)).toBeUndefined();
    await eventually(async () => (await redis.command('EXISTS', key)) === 0);
    await put(shared());
    expect(await cache.get(id)).toEqual(shared());
  });

  it('refuses forged values where there are keys, and believes them where there are none', async () => {
    const forged = codec().encode(shared(1, 1_000, 'mallory'))!;
    await redis.command('SET', key, forged);
    expect((await cache.get(id))?.record.userId).toBe('mallory');
    const secret = new Uint8Array(32).fill(7);
    const withKeys = cacheOn(answering(connection), new SharedSessionCodec(namespace, [{ id: 'k1', secret }]));
    expect(await withKeys.get(id)).toBeUndefined();
    expect(withKeys.counts.refused.unauthenticated).toBe(1);
  });

  it('goes on after Redis was emptied of keys and scripts', async () => {
    await put(shared());
    await redis.flush();
    expect(await cache.get(id)).toBeUndefined();
    await put(shared());
    expect(await cache.get(id)).toEqual(shared());
    expect(cache.counts.failures).toBe(0);
  });

  it('reads on and tries seldom to write while Redis is full', async () => {
    await put(shared());
    await redis.limitMemory(1);
    await put(shared(2));
    expect(cache.counts.failures).toBe(1);
    for (let n = 0; n < 100; n += 1) cache.put(shared(2), 60_000);
    expect(await cache.get(id)).toEqual(shared(1));
    expect(cache.counts.failures).toBeLessThan(5);
    await redis.limitMemory(0);
    await putInTheEnd(shared(3));
    expect(await cache.get(id)).toEqual(shared(3));
  });

  it('reads on from a replica, which takes no writes', async () => {
    await put(shared());
    await redis.command('REPLICAOF', '127.0.0.1', '1');
    await redis.command('CONFIG', 'SET', 'replica-serve-stale-data', 'yes');
    await put(shared(2));
    expect(cache.counts.failures).toBe(1);
    expect(await cache.get(id)).toEqual(shared(1));
    await redis.command('REPLICAOF', 'NO', 'ONE');
    await putInTheEnd(shared(3));
  });

  it('finds nothing while Redis is stalled: after one deadline, and then at once', async () => {
    await putInTheEnd(shared(), impatient);
    const lostBefore = lost;
    redis.stall();
    const begunAt = performance.now();
    expect(await Promise.all(Array.from({ length: 500 }, () => impatient.get(id)))).toEqual(Array(500).fill(undefined));
    expect(performance.now() - begunAt).toBeLessThan(BOUND_MS);
    expect(impatient.counts).toMatchObject({ hits: 0, misses: 0 });
    const waited = impatient.counts.timeouts;
    for (let n = 0; n < 1_000; n += 1) {
      await impatient.get(id);
      impatient.put(shared(2), 60_000);
    }
    // Each of those that are let through to see whether it is there again waits for a deadline of its own.
    expect(impatient.counts.timeouts - waited).toBeLessThan(50);
    expect(impatient.counts.skipped).toBeGreaterThan(900);
    // Long enough for the connection to be given up: what it had under way is not made up for.
    await eventually(() => lost > lostBefore);
    const restoredBefore = restored;
    redis.resume();
    await eventually(() => restored > restoredBefore);
    await eventually(async () => (await impatient.get(id)) !== undefined);
  });

  it('takes an answer that has come for one, however long the process was busy with something else', async () => {
    const busyUntil = (at: number): void => {
      while (performance.now() < at);
    };
    await eventually(async () => {
      redis.stall();
      const call = connection.call(['PING']);
      for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      // It has been sent, and is answered while nobody listens.
      redis.resume();
      busyUntil(performance.now() + 2 * DEADLINE_MS);
      return (await call).kind === 'reply';
    });
  });

  it('finds nothing while Redis is away, and finds its way back to one that is empty', async () => {
    await putInTheEnd(shared(), impatient);
    const before = { lost, restored };
    await redis.kill();
    await eventually(() => lost > before.lost);
    const waitedBefore = impatient.counts.timeouts;
    for (let n = 0; n < 1_000; n += 1) {
      expect(await impatient.get(id)).toBeUndefined();
      impatient.put(shared(2), 60_000);
    }
    // Nothing waits for a server that is known to be away.
    expect(impatient.counts.timeouts).toBe(waitedBefore);
    await redis.restart();
    await eventually(() => restored > before.restored);
    expect(await redis.command('DBSIZE')).toBe(0);
    await putInTheEnd(shared());
    expect(await cache.get(id)).toEqual(shared());
  });

  it('puts nothing that could not be read back', async () => {
    const record = { ...shared().record, userAgent: 'x'.repeat(MOST_BYTES) };
    await put({ ...shared(), record });
    expect(await redis.command('EXISTS', key)).toBe(0);
  });
});
