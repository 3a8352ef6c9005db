import { RedisSessionCache } from '../../cache/redis/redis-session-cache.js';
import { SharedSessionCodec } from '../../cache/redis/shared-session-codec.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { RedisLinks } from './redis-links.js';

/** The level that all nodes share; `null` where none is configured. */
export function makeSharedCache(options: ResolvedOptions, links: RedisLinks | null): RedisSessionCache | null {
  const { redis, sharedCache, tokenKeys, clocks } = options;
  if (redis === undefined || links === null || !sharedCache) return null;
  return new RedisSessionCache(redis, {
    redis: links.commands,
    codec: new SharedSessionCodec(redis.namespace, tokenKeys),
    monotonic: () => clocks.monotonic(),
    random: Math.random,
  });
}
