import { realpath } from 'node:fs/promises';
import pg from 'pg';
import { SUPERUSER } from './cluster.js';
import { codeOf, EmbeddedPostgresError } from './errors.js';
import { HOST } from './port.js';

/** Where the server of a cluster should answer. */
export interface Endpoint {
  readonly port: number;
  readonly password: string;
  /** The directory of the cluster that has to answer. */
  readonly cluster: string;
}

/** How a look at the server ended. */
export type Probe = 'ready' | 'not-listening' | 'not-ready' | 'another-server' | 'password-rejected';

/** The URL of a database of the server. */
export function urlOf({ port, password }: Omit<Endpoint, 'cluster'>, database: string): string {
  return `postgres://${SUPERUSER}:${encodeURIComponent(password)}@${HOST}:${port}/${encodeURIComponent(database)}`;
}

/**
 * Connects once, as the superuser. When the server of this very cluster answers, makes sure that the database exists
 * and resolves to `ready`; else tells how far it is. Only a failure that waiting cannot mend is thrown.
 */
export async function probe(endpoint: Endpoint, database: string): Promise<Probe> {
  const client = new pg.Client({
    host: HOST,
    port: endpoint.port,
    user: SUPERUSER,
    password: endpoint.password,
    database: 'postgres',
    ssl: false, // PGSSLMODE of the environment is meant for other servers.
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => undefined); // The server may go away between two statements; the query tells.
  try {
    await client.connect();
    const { rows } = await client.query<{ dir: string }>(`SELECT current_setting('data_directory') AS dir`);
    if (!(await isSamePath(rows[0]?.dir, endpoint.cluster))) return 'another-server';
    await ensureDatabase(client, database);
    return 'ready';
  } catch (error) {
    return readFailure(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The typed error for a server that does not take the password of the data directory. */
export function passwordRejected(passwordFile: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'PASSWORD_REJECTED',
    `The embedded PostgreSQL does not accept the password in ${passwordFile}: likely the file was lost and made anew, ` +
      `or the password of "${SUPERUSER}" was changed by SQL. Restore the file, or remove the data directory to begin ` +
      `with an empty database.`,
  );
}

function readFailure(error: unknown): Probe {
  const code = codeOf(error);
  switch (code) {
    case 'ECONNREFUSED':
      return 'not-listening';
    case '28P01':
    case '28000':
      return 'password-rejected';
    case '57P03': // starting up, recovering or shutting down
    case '57P01': // shut down under our hands
    case '53300': // every connection is taken
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ETIMEDOUT':
      return 'not-ready';
    case undefined:
      return 'not-ready'; // pg reports a connection that ends, or takes too long, without a code.
    default:
      throw error;
  }
}

async function ensureDatabase(client: pg.Client, database: string): Promise<void> {
  const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
  if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(database)}`);
}

async function isSamePath(left: string | undefined, right: string): Promise<boolean> {
  if (left === undefined) return false;
  return left === right || (await realpath(left).catch(() => left)) === (await realpath(right));
}
