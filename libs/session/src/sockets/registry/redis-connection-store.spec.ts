import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../../../test/security/support/time.js';
import { answering } from '../../../../../test/support/answering-redis.js';
import { describeWithRedis, testRedis, type TestRedis } from '../../../../../test/support/redis.js';
import { loadRedis } from '../../redis/load-redis.js';
import { RedisConnection } from '../../redis/redis-connection.js';
import { describeConnectionStoreContract } from '../../testing/connection-store-contract.js';
import { RedisConnectionStore } from './redis-connection-store.js';

const A_MINUTE_MS = 60_000;

describeWithRedis('in a real Redis', () => {
  let redis: TestRedis;
  let connection: RedisConnection;
  let namespace: string;

  beforeAll(async () => {
    redis = await testRedis();
    connection = new RedisConnection(
      await loadRedis(),
      { url: redis.url, deadlineMs: 5_000 },
      { monotonic: () => performance.now(), random: Math.random, onLost: () => undefined, onRestored: () => undefined },
    );
    connection.open();
    await eventually(() => connection.isReady);
  });
  afterAll(async () => {
    await connection.close();
    await redis.close();
  });
  beforeEach(() => {
    namespace = redis.namespace();
  });

  describeConnectionStoreContract(
    'RedisConnectionStore',
    () =>
      Promise.resolve({
        store: new RedisConnectionStore(answering(connection), { namespace }),
        close: () => Promise.resolve(),
        // Every sign of life is as much older.
        pass: async (ms) => {
          const nodes = (await redis.command('ZRANGE', `${namespace}:c:nodes`, '0', '-1')) as string[];
          for (const node of nodes) await redis.command('ZINCRBY', `${namespace}:c:nodes`, String(-ms), node);
        },
      }),
    { describe, it, beforeEach, afterEach, expect },
  );

  const node = { id: '01234567-89ab-4def-8123-456789abcdef', name: 'one', uptimeMs: 0, connections: 0 };
  const entry = {
    id: 'a',
    transport: 'websocket',
    namespace: '/',
    address: null,
    connectedAt: 1,
    lastActiveAt: 1,
    sessionId: null,
    userId: 'alice',
    tenantId: null,
    metadata: {},
  };

  it('leaves nothing of a node that died as the last one', async () => {
    const store = new RedisConnectionStore(answering(connection), { namespace });
    await store.beat(node, A_MINUTE_MS);
    await store.write(node, { removed: [], put: [entry], active: [] }, A_MINUTE_MS);
    for (const key of (await redis.command('KEYS', `${namespace}:*`)) as string[]) {
      expect(Number(await redis.command('PTTL', key))).toBeGreaterThan(0);
    }
    await store.beat(node, 1);
    await eventually(async () => (await redis.command('EXISTS', `${namespace}:c:e:${node.id}`)) === 0);
    expect(await redis.command('EXISTS', `${namespace}:c:x:${node.id}`)).toBe(0);
  });

  it('tells of nothing that is no connection, and of the others all the same', async () => {
    const store = new RedisConnectionStore(answering(connection), { namespace });
    await store.beat(node, A_MINUTE_MS);
    const entries = [entry, { ...entry, id: 'b' }, { ...entry, id: 'c' }];
    await store.write(node, { removed: [], put: entries, active: [] }, A_MINUTE_MS);
    await redis.command('HSET', `${namespace}:c:e:${node.id}`, 'a', '{"id":1}', 'b', 'no JSON');
    expect(await store.find('a', A_MINUTE_MS)).toBeUndefined();
    expect((await store.ofUser(null, 'alice', A_MINUTE_MS)).map(({ id }) => id)).toEqual(['c']);
    expect((await store.list({ after: null, limit: 10 }, A_MINUTE_MS)).map(({ id }) => id)).toEqual(['c']);
  });

  it('rejects where Redis does not answer', async () => {
    const store = new RedisConnectionStore({ call: () => Promise.resolve({ kind: 'timeout' }) }, { namespace });
    await expect(store.find('a', A_MINUTE_MS)).rejects.toMatchObject({ code: 'SESSION_STORE_UNAVAILABLE' });
  });
});
