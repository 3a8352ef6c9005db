import { Logger } from '@nestjs/common';
import { loadRedis } from '../../redis/load-redis.js';
import { RedisConnection } from '../../redis/redis-connection.js';
import type { ResolvedOptions } from '../options/resolve-options.js';

/** The connections to Redis of one module: one that listens does nothing else. */
export interface RedisLinks {
  readonly commands: RedisConnection;
  readonly subscriber: RedisConnection;
}

/**
 * `null` where nothing uses Redis. Connects nowhere yet.
 * @throws IdentitySessionError `CONFIGURATION_INVALID` where the package is not installed
 */
export async function makeRedisLinks(options: ResolvedOptions, alsoUsed = false): Promise<RedisLinks | null> {
  const { redis, hints, sharedCache, clocks } = options;
  if (redis === undefined || (hints !== 'redis' && !sharedCache && !alsoUsed)) return null;
  const logger = new Logger('IdentitySession');
  const loaded = await loadRedis();
  const connect = (onLost: (error: unknown) => void, onRestored: () => void): RedisConnection =>
    new RedisConnection(loaded, redis, {
      monotonic: () => clocks.monotonic(),
      random: Math.random,
      onLost,
      onRestored,
    });
  return {
    commands: connect(
      (error) => {
        logger.warn(`Redis cannot be reached; sessions are read from the database meanwhile: ${String(error)}`);
      },
      () => {
        logger.log('Redis is there again.');
      },
    ),
    // It goes with the other, which has told of it, and the probe of hints tells what it means.
    subscriber: connect(
      (error) => {
        logger.debug(`Hints cannot be heard: ${String(error)}`);
      },
      () => undefined,
    ),
  };
}
