import type { Cluster } from '../cluster/cluster.js';
import type { Redis } from '../cluster/redis.js';
import type { Fault } from './fault.js';
import { repeatedly } from './fault.js';

const FLUSH_EVERY_MS = 300;

/** Something that is done to Redis and taken back. Only for clusters that have one. */
const onRedis = (
  name: string,
  begin: (redis: Redis, cluster: Cluster) => unknown,
  end: (redis: Redis, cluster: Cluster) => unknown,
): Fault => ({
  name,
  concerns: 'redis',
  apply: async (cluster) => {
    const { redis } = cluster;
    if (redis === undefined) throw new Error('There is no Redis.');
    await begin(redis, cluster);
    return {
      node: null,
      heal: async () => {
        await end(redis, cluster);
      },
    };
  },
});

const flushed: Fault = {
  name: 'Redis flushed',
  concerns: 'redis',
  apply: (cluster) =>
    Promise.resolve({
      node: null,
      heal: repeatedly(() => cluster.redis?.send('FLUSHALL') ?? Promise.resolve(), FLUSH_EVERY_MS),
    }),
};

/** Between one node and Redis. */
const onWire = (name: string, begin: 'cut' | 'stall'): Fault => ({
  name,
  concerns: 'redis',
  apply: (cluster, random) => {
    const node = random.pick(cluster.nodes);
    node.toRedis?.[begin]();
    return Promise.resolve({
      node: node.name,
      heal: () => {
        node.toRedis?.heal();
        return Promise.resolve();
      },
    });
  },
});

export const REDIS_FAULTS: readonly Fault[] = [
  onRedis(
    'Redis killed',
    (redis) => redis.kill(),
    (redis) => redis.restart(),
  ),
  onRedis(
    'Redis stalled',
    (redis) => {
      redis.signal('SIGSTOP');
    },
    (redis) => {
      redis.signal('SIGCONT');
    },
  ),
  flushed,
  onRedis(
    'Redis full',
    (redis) => redis.send('CONFIG SET maxmemory 1'),
    (redis) => redis.send('CONFIG SET maxmemory 0'),
  ),
  onRedis(
    'Redis slow',
    (_, { nodes }) => {
      for (const node of nodes) if (node.toRedis !== undefined) node.toRedis.delayMs = 150;
    },
    (_, { nodes }) => {
      for (const node of nodes) if (node.toRedis !== undefined) node.toRedis.delayMs = 0;
    },
  ),
  onWire('Redis cut off', 'cut'),
  onWire('Redis swallows what a node sends', 'stall'),
];
