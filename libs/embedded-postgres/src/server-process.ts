import { execFile, spawn } from 'node:child_process';
import { open, readFile, rename, stat, type FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Binaries } from './binaries.js';
import type { DataDir } from './data-dir.js';
import { codeOf, EmbeddedPostgresError } from './errors.js';
import { HOST } from './port.js';
import { runsCluster } from './postmaster-pid.js';
import { identify, isRunning, type ProcessIdentity } from './process-identity.js';
import { serverEnvironment } from './server-environment.js';
import type { ServerUser } from './server-user.js';

/** What it takes to start a server on a cluster. */
export interface ServerOptions {
  readonly dataDir: DataDir;
  readonly binaries: Binaries;
  readonly user: ServerUser | undefined;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** A server process that was started; whether it answers is another matter. */
export interface StartedServer {
  readonly identity: ProcessIdentity;
  /** Why it ended (an exit code or a signal), or undefined while it runs. */
  readonly ended: () => string | undefined;
}

const POLL_MS = 5;
const FAST_STOP_MS = 15_000;
const IMMEDIATE_STOP_MS = 10_000;
const LOG_ROTATE_BYTES = 16 * 1024 * 1024;
const LOG_TAIL_CHARS = 2_000;

/**
 * Starts PostgreSQL in a session of its own: Ctrl-C in the terminal signals the application only, which stops its
 * database when it has shut down. Does not wait until it answers. Throws START_FAILED when it cannot be run.
 */
export async function startServer(options: ServerOptions): Promise<StartedServer> {
  const { dataDir, binaries, user } = options;
  const log = await openLog(dataDir.logFile, user);
  try {
    const child = spawn(binaries.postgres, argumentsOf(options), {
      cwd: dataDir.cluster,
      env: serverEnvironment(),
      detached: true,
      windowsHide: true,
      stdio: ['ignore', log.fd, log.fd],
      ...(user && { uid: user.uid, gid: user.gid }),
    });
    let end: string | undefined;
    child.once('exit', (code, signal) => {
      end = signal ?? `exit code ${code ?? 'unknown'}`;
    });
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('spawn', () => {
        resolve(child.pid ?? 0);
      });
    });
    child.unref();
    return { identity: identify(pid) ?? { pid, startTime: null }, ended: () => end };
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'START_FAILED',
      `${binaries.postgres} cannot be run (${codeOf(cause) ?? String(cause)}). Likely the file is damaged or the ` +
        `system forbids it (a noexec mount). Run "npm ci" again, or set DATABASE_URL.`,
      {},
      cause,
    );
  } finally {
    await log.close();
  }
}

function argumentsOf({ dataDir, port, settings }: ServerOptions): string[] {
  // The last one wins: what keeps the server reachable for us, and for nobody else, cannot be overridden.
  const ours = { port: String(port), listen_addresses: HOST, unix_socket_directories: '' };
  const all = [...Object.entries(settings), ...Object.entries(ours)];
  return ['-D', dataDir.cluster, ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/**
 * Stops a server: fast (open transactions are rolled back), and when it has not gone in time immediate (the next
 * start recovers). Resolves once it is gone, at once when it was. Throws STOP_FAILED when it would not go.
 */
export async function stopServer(identity: ProcessIdentity, dataDir: DataDir, binaries: Binaries): Promise<void> {
  const { pid } = identity;
  if (await goes(identity, 'fast', FAST_STOP_MS, dataDir, binaries)) return;
  if (await goes(identity, 'immediate', IMMEDIATE_STOP_MS, dataDir, binaries)) return;
  throw new EmbeddedPostgresError(
    'STOP_FAILED',
    `The embedded PostgreSQL (pid ${pid}) in ${dataDir.root} did not stop. Likely it waits for a disk that does not ` +
      `answer. Look at ${dataDir.logFile}; the next start takes it over.`,
  );
}

async function goes(
  identity: ProcessIdentity,
  mode: 'fast' | 'immediate',
  withinMs: number,
  dataDir: DataDir,
  binaries: Binaries,
): Promise<boolean> {
  if (!isRunning(identity)) return true;
  // Where the start of a process is not known, its pid may be another program's by now: never signal that one.
  if (identity.startTime === null && !(await runsCluster(identity.pid, dataDir.cluster))) return true;
  if (process.platform === 'win32') {
    // Windows has no signals: process.kill would end the postmaster alone and leave its children.
    const args = ['stop', '-D', dataDir.cluster, '-m', mode, '--no-wait'];
    await promisify(execFile)(binaries.pgCtl, args, { env: serverEnvironment() }).catch(() => undefined);
  } else {
    try {
      process.kill(identity.pid, mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    } catch (error) {
      if (codeOf(error) !== 'ESRCH') throw error;
    }
  }
  const deadline = Date.now() + withinMs;
  while (isRunning(identity)) {
    if (Date.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** The last lines that the server wrote. */
export async function tailOfLog(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.slice(-LOG_TAIL_CHARS).trim();
}

async function openLog(logFile: string, user: ServerUser | undefined): Promise<FileHandle> {
  const { size } = await stat(logFile).catch(() => ({ size: 0 }));
  if (size > LOG_ROTATE_BYTES) await rename(logFile, `${logFile}.1`);
  const log = await open(logFile, 'a', 0o600);
  try {
    if (user) await log.chown(user.uid, user.gid); // They may start without root the next time.
    return log;
  } catch (error) {
    await log.close();
    throw error;
  }
}
