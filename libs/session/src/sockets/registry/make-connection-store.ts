import type { DataSource } from 'typeorm';
import { IdentitySessionError } from '../../core/errors.js';
import type { RedisLinks } from '../../nest/module/redis-links.js';
import type { ResolvedOptions } from '../../nest/options/resolve-options.js';
import type { ConnectionStore } from '../../store/connection-store.js';
import { InMemoryConnectionStore } from '../../store/memory/in-memory-connection-store.js';
import { PostgresConnectionStore } from '../../store/postgres/postgres-connection-store.js';
import type { ResolvedSocketsOptions } from '../resolve-sockets-options.js';
import { RedisConnectionStore } from './redis-connection-store.js';

/** @throws IdentitySessionError `CONFIGURATION_INVALID` where what it is to be in is not there */
export function makeConnectionStore(
  { registry }: Pick<ResolvedSocketsOptions, 'registry'>,
  { redis, storeDeadlineMs }: Pick<ResolvedOptions, 'redis' | 'storeDeadlineMs'>,
  dataSource: DataSource | null,
  links: RedisLinks | null,
): ConnectionStore {
  if (typeof registry === 'object') return registry;
  if (registry === 'memory') return new InMemoryConnectionStore();
  if (registry === 'redis' && redis !== undefined && links !== null) {
    return new RedisConnectionStore(links.commands, redis);
  }
  if (registry === 'postgres' && dataSource !== null) {
    return PostgresConnectionStore.on(dataSource, { deadlineMs: storeDeadlineMs });
  }
  throw new IdentitySessionError(
    'CONFIGURATION_INVALID',
    `The registry of sessionSockets is to be in ${registry}, which IdentitySessionModule does not have.`,
  );
}
