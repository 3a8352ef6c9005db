import { randomBytes } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { HintChannel } from '../../sync/hint-channel.js';
import type { HintTransport } from '../../sync/hints.js';
import { InProcessHints } from '../../sync/in-process-hints.js';
import { PostgresHints } from '../../sync/postgres/postgres-hints.js';
import { RedisHints } from '../../sync/redis/redis-hints.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { RedisLinks } from './redis-links.js';
import { schedule } from './schedule.js';

/** None where they are off, or where there is no change log that a hint could send anybody to. */
export function makeHintTransport(
  options: ResolvedOptions,
  dataSource: DataSource | null,
  redis: RedisLinks | null,
): HintTransport | null {
  if (options.hints === 'off' || options.store !== undefined || dataSource === null) return null;
  if (options.hints === 'in-process') return new InProcessHints();
  if (options.redis !== undefined && redis !== null && options.hints === 'redis') {
    return new RedisHints(redis.commands, redis.subscriber, `${options.redis.namespace}:hints`);
  }
  return new PostgresHints((sql, parameters) => dataSource.query(sql, [...parameters]), options.storeDeadlineMs);
}

export function makeHintChannel(options: ResolvedOptions, transport: HintTransport | null): HintChannel | null {
  if (transport === null) return null;
  const logger = new Logger('IdentitySession');
  return new HintChannel(transport, {
    monotonic: () => options.clocks.monotonic(),
    nonce: () => randomBytes(16).toString('hex'),
    schedule,
    onFailure: (error) => {
      logger.debug(`A hint could not be sent; other nodes read the log by themselves: ${String(error)}`);
    },
    onChange: (arrive) => {
      if (arrive) logger.log('Hints arrive.');
      else logger.warn(CUT[options.hints]);
    },
  });
}

const SLOWER = 'what other nodes change is noticed within tailIntervalMs instead of at once';

/** What to do about it, for each way that hints can take. */
const CUT: Readonly<Record<ResolvedOptions['hints'], string>> = {
  postgres:
    `Hints by NOTIFY do not arrive: ${SLOWER}. Behind a transaction pooler, give directUrl the address of PostgreSQL ` +
    'itself; else look at the connection "identity-session tail".',
  redis: `Hints by Redis do not arrive: ${SLOWER}. Look whether Redis is there and whether its user may use the channel.`,
  'in-process': `Hints do not arrive in time: ${SLOWER}. The process does not keep up.`,
  off: '',
};
