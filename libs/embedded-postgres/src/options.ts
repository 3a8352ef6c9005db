import { EmbeddedPostgresError } from './errors.js';

/** How to start the embedded PostgreSQL. */
export interface EmbeddedPostgresOptions {
  /** Folder for the cluster, its password, port and log. Made when missing. One running process at a time. */
  readonly dataDir: string;
  /** The port on 127.0.0.1. Without it: that of the last run while it is free, else any free one. */
  readonly port?: number | undefined;
  /** The database that `url` names; made when missing. Default `postgres`. */
  readonly database?: string | undefined;
  /** More settings of the server (`{ fsync: 'off' }`). A server that is adopted keeps those it was started with. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** Takes one line for each thing worth telling (made a cluster, started, adopted, stopped). Never a secret. */
  readonly log?: ((line: string) => void) | undefined;
}

/** The options with every default filled in. */
export interface ResolvedOptions {
  readonly dataDir: string;
  readonly port: number | undefined;
  readonly database: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

const KNOWN = new Set(['dataDir', 'port', 'database', 'settings', 'log']);
const SETTING_NAME = /^[a-z_][a-z0-9_.]*$/i;

/** Fills in defaults and checks. Throws INVALID_OPTIONS; touches nothing. */
export function resolveOptions(options: EmbeddedPostgresOptions): ResolvedOptions {
  const { dataDir, port, database = 'postgres', settings = {}, log = () => undefined } = options;
  for (const key of Object.keys(options)) {
    if (!KNOWN.has(key)) throw invalid(`there is no option "${key}" (there are ${[...KNOWN].join(', ')})`);
  }
  if (typeof dataDir !== 'string' || dataDir === '') throw invalid('dataDir must be the path of a folder');
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
    throw invalid(`port must be an integer from 1 to 65535, or left out to get a free one; it is ${String(port)}`);
  }
  if (database === '' || Buffer.byteLength(database) > 63) throw invalid('database must be a name of 1 to 63 bytes');
  for (const name of Object.keys(settings)) {
    if (!SETTING_NAME.test(name)) throw invalid(`"${name}" is not the name of a PostgreSQL setting`);
  }
  return { dataDir, port, database, settings: { ...settings }, log };
}

function invalid(what: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError('INVALID_OPTIONS', `The embedded PostgreSQL cannot be started: ${what}.`);
}
