import { chmod, chown, mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { codeOf, EmbeddedPostgresError } from './errors.js';
import { firstBarrier, type ServerUser } from './server-user.js';

/** Where each thing lies inside the data directory. */
export interface DataDir {
  readonly root: string;
  /** The cluster itself (PGDATA). Present only when it is whole. */
  readonly cluster: string;
  /** The superuser's password, mode 0600. */
  readonly passwordFile: string;
  /** The port of the last run. */
  readonly portFile: string;
  /** What PostgreSQL writes to its log. */
  readonly logFile: string;
  /** The owner lock: a directory that holds one file, that of the owner. */
  readonly owner: string;
}

/** Names the parts of a data directory; touches nothing. */
export function dataDirAt(path: string): DataDir {
  const root = resolve(path);
  return {
    root,
    cluster: join(root, 'cluster'),
    passwordFile: join(root, 'password'),
    portFile: join(root, 'port'),
    logFile: join(root, 'postgres.log'),
    owner: join(root, 'owner'),
  };
}

/**
 * Makes the data directory (mode 0700) and, when PostgreSQL runs as another user than this process, gives it to that
 * user. Throws DATA_DIR_UNREACHABLE when that user cannot get there, or this process may not write there, and
 * INVALID_OPTIONS when it is a folder of other things.
 */
export async function makeDataDir(dataDir: DataDir, user: ServerUser | undefined): Promise<void> {
  try {
    await makeParents(dirname(dataDir.root), user);
    await mkdir(dataDir.root, { recursive: true, mode: 0o700 });
    const names = await readdir(dataDir.root);
    // Giving /var or a home to another user by a slip of configuration would be hard to undo.
    if (names.some((name) => !isHarmless(name)) && !names.some(isOurs)) throw notOurs(dataDir);
    if (user) {
      const { uid } = await stat(dataDir.root);
      if (uid !== user.uid) await chown(dataDir.root, user.uid, user.gid);
    }
  } catch (error) {
    throw error instanceof EmbeddedPostgresError ? error : unreachable(dataDir, error);
  }
  const barrier = user && (await firstBarrier(dataDir.root, user));
  if (barrier) {
    throw new EmbeddedPostgresError(
      'DATA_DIR_UNREACHABLE',
      `PostgreSQL cannot reach its data directory ${dataDir.root}: it refuses to run as root, so it runs as ` +
        `"${user.name}" (uid ${user.uid}), and that user may not enter ${barrier}. Choose a data directory whose ` +
        `parents all users may enter (for example below /var/lib), run "chmod o+x ${barrier}", start this program as ` +
        `an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.`,
    );
  }
}

async function makeParents(path: string, user: ServerUser | undefined): Promise<void> {
  const outermost = await mkdir(path, { recursive: true });
  if (!outermost || !user) return;
  // Under a strict umask the server's user could not pass through what was made just now.
  for (let made = path; made.length >= outermost.length; made = dirname(made)) await chmod(made, 0o755);
}

function isOurs(name: string): boolean {
  return /^(cluster|password|owner)\b/.test(name);
}

function isHarmless(name: string): boolean {
  return ['lost+found', '.gitkeep', '.gitignore', '.DS_Store'].includes(name);
}

function notOurs(dataDir: DataDir): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'INVALID_OPTIONS',
    `The folder ${dataDir.root} is not empty, and what it holds is not a data directory of the embedded PostgreSQL. ` +
      `Name a folder of its own, empty or missing.`,
  );
}

/** The typed error for a data directory that this process may not use. */
export function unreachable(dataDir: DataDir, cause: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'DATA_DIR_UNREACHABLE',
    `The data directory ${dataDir.root} of the embedded PostgreSQL cannot be used (${codeOf(cause) ?? String(cause)}). ` +
      `Likely it, or a parent, belongs to another user or lies on a read-only file system. Choose a data directory ` +
      `that this user (uid ${process.getuid?.() ?? 'unknown'}) may write, change its owner, or set DATABASE_URL.`,
    {},
    cause,
  );
}
