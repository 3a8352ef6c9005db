import { join } from 'node:path';
import { prepareBinaries } from './binaries.js';
import { ensureCluster, ensurePassword } from './cluster.js';
import { urlOf } from './connection.js';
import { dataDirAt, makeDataDir, unreachable, type DataDir } from './data-dir.js';
import { codeOf, EmbeddedPostgresError } from './errors.js';
import { launchServer } from './launch.js';
import { resolveOptions, type EmbeddedPostgresOptions, type ResolvedOptions } from './options.js';
import { acquireOwnerLock, type OwnerLock } from './owner-lock.js';
import { findPlatformPackage, type PlatformPackage } from './platform-package.js';
import { keepPort } from './port.js';
import { stopServer } from './server-process.js';
import { chooseServerUser, type ServerUser } from './server-user.js';

/** A running embedded PostgreSQL that this process owns. */
export interface EmbeddedPostgres {
  /** `postgres://user:password@127.0.0.1:port/database`, as the superuser. */
  readonly url: string;
  readonly port: number;
  /** The pid of the postmaster. */
  readonly pid: number;
  /** Whether the server was left behind by an earlier owner that was killed, and taken over. */
  readonly adopted: boolean;
  /** Stops the server and gives the data directory free. May be called again. Throws STOP_FAILED. */
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL of this process's own on loopback, with its data in a folder: makes the cluster when there is
 * none, recovers it when the last run was killed, takes over a server that a killed owner left running. It listens
 * on 127.0.0.1 only and asks for a random password (scram-sha-256).
 *
 * The server is in a session of its own: it outlives Ctrl-C and the death of this process, so call `stop` when the
 * application has shut down. When that never happens the next start adopts it.
 *
 * One process per data directory: a second one gets ALREADY_RUNNING, whose message holds the DATABASE_URL to use.
 * Every error is an {@link EmbeddedPostgresError}.
 */
export async function startEmbeddedPostgres(given: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const options = resolveOptions(given);
  const dataDir = dataDirAt(options.dataDir);
  try {
    const platformPackage = findPlatformPackage();
    const user = await chooseServerUser(dataDir.cluster);
    await makeDataDir(dataDir, user);
    const lock = await acquireOwnerLock(dataDir.owner);
    try {
      return await startOwned({ options, dataDir, platformPackage, user, lock });
    } catch (error) {
      await lock.release();
      throw error;
    }
  } catch (error) {
    throw typed(error, dataDir);
  }
}

interface Owned {
  readonly options: ResolvedOptions;
  readonly dataDir: DataDir;
  readonly platformPackage: PlatformPackage;
  readonly user: ServerUser | undefined;
  readonly lock: OwnerLock;
}

async function startOwned({ options, dataDir, platformPackage, user, lock }: Owned): Promise<EmbeddedPostgres> {
  const { version } = platformPackage;
  const binaries = await prepareBinaries(platformPackage, join(dataDir.root, `binaries-${version}`), user);
  const password = await ensurePassword(dataDir, user);
  const durable = options.settings['fsync'] !== 'off';
  await ensureCluster({ dataDir, binaries, user, version, durable }, options.log);
  const { identity, port, adopted } = await launchServer({ dataDir, binaries, user, password, options });
  const url = urlOf({ port, password }, options.database);
  try {
    await keepPort(dataDir.portFile, port, user);
    await lock.publish(url);
  } catch (error) {
    await stopServer(identity, dataDir, binaries);
    throw error;
  }

  const stop = async (): Promise<void> => {
    await stopServer(identity, dataDir, binaries);
    options.log(`stopped PostgreSQL (pid ${identity.pid})`);
    await lock.release();
  };
  let stopping: Promise<void> | undefined;
  return {
    url,
    port,
    pid: identity.pid,
    adopted,
    stop: async () => {
      stopping ??= stop().catch((error: unknown) => {
        stopping = undefined; // A later call tries again.
        throw error;
      });
      await stopping;
    },
  };
}

function typed(error: unknown, dataDir: DataDir): EmbeddedPostgresError {
  if (error instanceof EmbeddedPostgresError) return error;
  if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR'].includes(codeOf(error) ?? '')) return unreachable(dataDir, error);
  return new EmbeddedPostgresError(
    'START_FAILED',
    `The embedded PostgreSQL in ${dataDir.root} did not start: ${String(error)}. Its log, if it came that far, is ` +
      `${dataDir.logFile}. Mend the cause, or set DATABASE_URL to a PostgreSQL of your own.`,
    {},
    error,
  );
}
