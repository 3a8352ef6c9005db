import type pg from 'pg';
import type { DataSourceOptions } from 'typeorm';

/** How the driver connects past the pool: as the DataSource does, or to another address in the same way. */
export function directConnectionOf(options: DataSourceOptions, directUrl: string | undefined): pg.ClientConfig {
  if (options.type !== 'postgres') return {};
  const { url, host, port, username, password, database, ssl } = options.replication?.master ?? options;
  // What the pool alone understands is left to it.
  const { Client: _client, max: _max, min: _min, ...extra } = (options.extra ?? {}) as Record<string, unknown>;
  const address =
    directUrl === undefined ? { connectionString: url, host, port, database } : { connectionString: directUrl };
  const given = {
    ...extra,
    ...address,
    ...(directUrl === undefined ? { user: username, password: password as pg.ClientConfig['password'] } : {}),
    ssl: ssl as pg.ClientConfig['ssl'],
    connectionTimeoutMillis: options.connectTimeoutMS,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
