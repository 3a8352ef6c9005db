import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Binaries } from './binaries.js';
import { passwordRejected, probe, type Endpoint } from './connection.js';
import type { DataDir } from './data-dir.js';
import { EmbeddedPostgresError } from './errors.js';
import type { ResolvedOptions } from './options.js';
import { choosePort, isPortFree, portTaken } from './port.js';
import { findPostmaster } from './postmaster-pid.js';
import { isRunning, type ProcessIdentity } from './process-identity.js';
import { startServer, stopServer, tailOfLog } from './server-process.js';
import type { ServerUser } from './server-user.js';

/** A cluster that is ready to be served. The caller holds its owner lock. */
export interface Launch {
  readonly dataDir: DataDir;
  readonly binaries: Binaries;
  readonly user: ServerUser | undefined;
  readonly password: string;
  readonly options: ResolvedOptions;
}

/** A server that answers and has the wanted database. */
export interface AnsweringServer {
  readonly identity: ProcessIdentity;
  readonly port: number;
  readonly adopted: boolean;
}

const POLL_MS = 5;
const SLOW_POLL_MS = 100;
const READY_WITHIN_MS = 60_000;
const LEFTOVERS_GONE_WITHIN_MS = 20_000;
const LEFTOVERS_POLL_MS = 50;
/** A server on our port that is not ours: ours ends in a moment because it cannot listen there. */
const FOREIGN_ANSWER_WITHIN_MS = 2_000;

/**
 * Takes over the server that a killed owner left behind, else starts one. Tries again when somebody was faster to take
 * the port that was free a moment ago, and while processes of a killed server still hold its shared memory. Throws
 * PORT_TAKEN, START_FAILED, PASSWORD_REJECTED.
 */
export async function launchServer(launch: Launch): Promise<AnsweringServer> {
  const deadline = Date.now() + LEFTOVERS_GONE_WITHIN_MS;
  for (;;) {
    const server = (await adoptServer(launch)) ?? (await bootServer(launch, Date.now() > deadline));
    if (server) return server;
  }
}

/** Resolves to undefined when there is no server, or it was stopped because another port is asked for. */
async function adoptServer(launch: Launch): Promise<AnsweringServer | undefined> {
  const { dataDir, binaries, options } = launch;
  const found = await findPostmaster(dataDir.cluster);
  if (!found) return undefined;
  const { identity, port } = found;
  if (options.port !== undefined && options.port !== port) {
    options.log(`stopping PostgreSQL (pid ${identity.pid}) of an earlier run: it listens on port ${port}`);
    await stopServer(identity, dataDir, binaries);
    return undefined;
  }
  const end = await untilItAnswers(launch, port, () => (isRunning(identity) ? undefined : 'stopped'));
  if (end !== undefined) return undefined;
  options.log(`adopted PostgreSQL (pid ${identity.pid}) of an earlier run on port ${port}`);
  return { identity, port, adopted: true };
}

/** Resolves to undefined when the server ended for a reason that goes away, unless this is the last try. */
async function bootServer(launch: Launch, isLastTry: boolean): Promise<AnsweringServer | undefined> {
  const { dataDir, binaries, options } = launch;
  const port = await choosePort(options.port, dataDir.portFile);
  const { identity, ended } = await startServer({ ...launch, port, settings: options.settings });
  const end = await untilItAnswers(launch, port, ended).catch(async (error: unknown) => {
    await stopServer(identity, dataDir, binaries);
    throw error;
  });
  if (end === undefined) {
    options.log(`started PostgreSQL (pid ${identity.pid}) on port ${port}`);
    return { identity, port, adopted: false };
  }
  const isPortTaken = !(await isPortFree(port));
  if (isPortTaken && options.port !== undefined) throw portTaken(port);
  // PostgreSQL leaves the file of a predecessor in place exactly when it finds that one still in use.
  const hasLeftovers = await hasPostmasterPid(dataDir);
  if (isLastTry || (!isPortTaken && !hasLeftovers)) throw await startFailed(dataDir, `it ended with ${end}`);
  if (hasLeftovers) await delay(LEFTOVERS_POLL_MS);
  return undefined;
}

/** Resolves to undefined once the server answers and has the database, or to why it ended. */
async function untilItAnswers(
  { dataDir, password, options }: Launch,
  port: number,
  ended: () => string | undefined,
): Promise<string | undefined> {
  const endpoint: Endpoint = { port, password, cluster: dataDir.cluster };
  const begin = Date.now();
  for (;;) {
    const seen = await probe(endpoint, options.database);
    if (seen === 'ready') return undefined;
    const end = ended();
    if (end !== undefined) return end;
    const waited = Date.now() - begin;
    if (waited > FOREIGN_ANSWER_WITHIN_MS && seen === 'password-rejected') throw passwordRejected(dataDir.passwordFile);
    if (waited > FOREIGN_ANSWER_WITHIN_MS && seen === 'another-server') throw portTaken(port);
    if (waited > READY_WITHIN_MS) throw await startFailed(dataDir, `it did not answer within ${READY_WITHIN_MS} ms`);
    // A recovery takes its time, and PostgreSQL logs every look.
    await delay(Math.min(SLOW_POLL_MS, POLL_MS + waited / 20));
  }
}

async function hasPostmasterPid({ cluster }: DataDir): Promise<boolean> {
  return stat(join(cluster, 'postmaster.pid')).then(
    () => true,
    () => false,
  );
}

async function startFailed(dataDir: DataDir, what: string): Promise<EmbeddedPostgresError> {
  return new EmbeddedPostgresError(
    'START_FAILED',
    `The embedded PostgreSQL in ${dataDir.root} did not start: ${what}. Likely a setting is not valid, the disk is ` +
      `full, or processes of a killed server are still there. Its log (${dataDir.logFile}) ends with:\n` +
      (await tailOfLog(dataDir.logFile)),
  );
}
