import type { Stats } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EmbeddedPostgresError } from './errors.js';

/** The unprivileged user that PostgreSQL runs as when this process is root. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/** What a user wants from a file or directory, in the bits of a mode: read 4, enter or execute 1. */
export type Access = 1 | 4 | 5;

/**
 * The user to run PostgreSQL as, or undefined for "the one that runs this process". PostgreSQL refuses root: then it
 * is the owner of the existing cluster, else `postgres`, else `nobody`. Throws NO_UNPRIVILEGED_USER when there is none.
 */
export async function chooseServerUser(cluster: string): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const users = await readUsers();
  // A cluster that an ordinary user made must stay theirs: they start it tomorrow without root.
  const owner = await stat(cluster).catch(() => undefined);
  if (owner && owner.uid !== 0) {
    return { uid: owner.uid, gid: owner.gid, name: users.find((user) => user.uid === owner.uid)?.name ?? 'unnamed' };
  }
  const found = users.find((user) => user.name === 'postgres') ?? users.find((user) => user.name === 'nobody');
  if (found) return found;
  throw new EmbeddedPostgresError(
    'NO_UNPRIVILEGED_USER',
    'PostgreSQL refuses to run as root, and this machine has neither a user "postgres" nor "nobody" to run it as. ' +
      'Add one (useradd --system postgres), start this program as an ordinary user, or set DATABASE_URL.',
  );
}

async function readUsers(): Promise<ServerUser[]> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  return passwd
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length > 3 && fields[2] !== '0')
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 }));
}

/** Whether the mode bits of a file grant `want` to the user. Access control lists are not looked at. */
export function permits(stats: Stats, user: ServerUser, want: Access): boolean {
  const shift = stats.uid === user.uid ? 6 : stats.gid === user.gid ? 3 : 0;
  return ((stats.mode >> shift) & want) === want;
}

/** The outermost directory on the way to `path`, or `path` itself, that the user may not enter; undefined when none. */
export async function firstBarrier(path: string, user: ServerUser): Promise<string | undefined> {
  const real = await realpath(path);
  const parent = dirname(real);
  const above = parent === real ? undefined : await firstBarrier(parent, user);
  if (above) return above;
  const stats = await stat(real);
  return !stats.isDirectory() || permits(stats, user, 1) ? undefined : real;
}
