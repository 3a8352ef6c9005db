import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { directConnectionOf } from '../../nest/module/direct-connection.js';
import type { ResolvedOptions } from '../../nest/options/resolve-options.js';
import { loadRedis } from '../../redis/load-redis.js';
import { RedisConnection, type RedisConnectionPorts } from '../../redis/redis-connection.js';
import { invalidSocketsOptions, type ResolvedSocketsOptions } from '../resolve-sockets-options.js';
import { loadAdapter } from './load-adapter.js';
import type { NodeLink } from './node-link.js';
import { type PostgresAdapterArguments, PostgresNodeLink } from './postgres-node-link.js';
import { type RedisAdapterArguments, RedisNodeLink } from './redis-node-link.js';

/** A message of the application's own socket.io calls may be that much longer than one of `SessionMessenger`. */
const ROOM = 16;
const LEAST_DEADLINE_MS = 1_000;

export interface AdapterPackages {
  readonly postgres: () => Promise<unknown>;
  readonly redis: () => Promise<unknown>;
}

const PACKAGES: AdapterPackages = {
  postgres: () => import('@socket.io/postgres-adapter'),
  redis: () => import('@socket.io/redis-adapter'),
};

/**
 * As `adapter` says; `null` for one node. Connects nowhere yet.
 * @throws IdentitySessionError `CONFIGURATION_INVALID` where the package is not installed, or what it would use is not there
 */
export async function makeNodeLink(
  sockets: Pick<ResolvedSocketsOptions, 'adapter' | 'maxNodeMessageBytes'>,
  options: Pick<ResolvedOptions, 'redis' | 'store' | 'directUrl' | 'clocks'>,
  dataSource: DataSource | null,
  packages: AdapterPackages = PACKAGES,
): Promise<NodeLink | null> {
  const hasDatabase = options.store === undefined && dataSource !== null;
  const kind = sockets.adapter ?? (options.redis !== undefined ? 'redis' : hasDatabase ? 'postgres' : 'none');
  const longestBytes = sockets.maxNodeMessageBytes * ROOM;
  if (kind === 'none') return null;
  if (kind === 'redis') return redisLink(options, longestBytes, packages);
  if (!hasDatabase)
    throw invalidSocketsOptions(["adapter is postgres, but there is no PostgreSQL; give a DataSource, or use 'none'"]);
  const { createAdapter } = await loadAdapter<PostgresAdapterArguments>(
    '@socket.io/postgres-adapter',
    packages.postgres,
  );
  const connection = directConnectionOf(dataSource.options, options.directUrl);
  return new PostgresNodeLink({ createAdapter, connection, longestBytes, ...tell('PostgreSQL') });
}

async function redisLink(
  { redis, clocks }: Pick<ResolvedOptions, 'redis' | 'clocks'>,
  longestBytes: number,
  packages: AdapterPackages,
): Promise<NodeLink> {
  if (redis === undefined)
    throw invalidSocketsOptions(['adapter is redis, but there is no redis; give redis: { url } to the module']);
  const { createAdapter } = await loadAdapter<RedisAdapterArguments>('@socket.io/redis-adapter', packages.redis);
  const loaded = await loadRedis();
  const settings = { url: redis.url, deadlineMs: Math.max(redis.deadlineMs, LEAST_DEADLINE_MS) };
  const connect = (told: Pick<RedisConnectionPorts, 'onLost' | 'onRestored'>): RedisConnection =>
    new RedisConnection(loaded, settings, { monotonic: () => clocks.monotonic(), random: Math.random, ...told });
  return new RedisNodeLink({
    createAdapter,
    commands: connect(tell('Redis')),
    // It goes with the other, which has told of it.
    subscriber: connect({ onLost: () => undefined, onRestored: () => undefined }),
    prefix: `${redis.namespace}:sockets`,
    longestBytes,
  });
}

function tell(what: string): { onLost: (error: unknown) => void; onRestored: () => void } {
  const logger = new Logger('IdentitySession');
  return {
    onLost: (error) => {
      const message = `${what} cannot be reached; messages to connections of other nodes are lost meanwhile`;
      logger.warn(`${message}: ${String(error)}`);
    },
    onRestored: () => {
      logger.log(`Messages reach the connections of other nodes again, through ${what}.`);
    },
  };
}
