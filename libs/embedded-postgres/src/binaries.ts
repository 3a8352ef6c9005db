import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { randomUUID } from 'node:crypto';
import { codeOf, EmbeddedPostgresError } from './errors.js';
import type { PlatformPackage } from './platform-package.js';
import { firstBarrier, permits, type Access, type ServerUser } from './server-user.js';

/** Programs of PostgreSQL that are ready to be run by the server's user. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
}

/** One entry of `native/pg-symlinks.json`: paths relative to the package. `source` exists, `target` is the link. */
interface Link {
  readonly source: string;
  readonly target: string;
}

/** One of each kind of file that PostgreSQL needs, and what it needs of it. */
const NEEDED: readonly (readonly [path: string, want: Access])[] = [
  ['bin', 5],
  ['lib', 5],
  ['lib/postgresql', 5],
  ['share/postgresql', 5],
  ['share/postgresql/postgres.bki', 4],
];

/**
 * Makes the binaries usable: the symlinks that the package's install script would make (npm 12 and --ignore-scripts
 * do not run it), executable bits, and readability for `user`. Works in the package's folder when it can; else in a
 * copy at `copyTo`, which is made once and is never seen half-made. Throws BINARIES_UNUSABLE.
 */
export async function prepareBinaries(
  { name, native }: Pick<PlatformPackage, 'name' | 'native'>,
  copyTo: string,
  user: ServerUser | undefined,
): Promise<Binaries> {
  try {
    if (await isUsableInPlace(native, user)) return binariesIn(native);
    if (!(await exists(copyTo))) await copyBinaries(native, copyTo);
    return binariesIn(copyTo);
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'BINARIES_UNUSABLE',
      `The embedded PostgreSQL in ${native} cannot be made ready, nor copied to ${copyTo} ` +
        `(${codeOf(cause) ?? String(cause)}). Likely the disk is full or the install of ${name} is damaged: ` +
        `remove node_modules and run "npm ci" again, or set DATABASE_URL.`,
      {},
      cause,
    );
  }
}

function binariesIn(native: string): Binaries {
  const program = (name: string): string => join(native, 'bin', process.platform === 'win32' ? `${name}.exe` : name);
  return { initdb: program('initdb'), postgres: program('postgres'), pgCtl: program('pg_ctl') };
}

function programsIn(native: string): readonly string[] {
  const { initdb, postgres, pgCtl } = binariesIn(native);
  return [initdb, postgres, pgCtl];
}

async function isUsableInPlace(native: string, user: ServerUser | undefined): Promise<boolean> {
  try {
    await makeLinks(native);
    await makeExecutable(native);
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error) ?? '')) return false;
    throw error;
  }
  if (!user) return true;
  if (await firstBarrier(native, user)) return false;
  const programs = programsIn(native).map((path) => [relative(native, path), 5] as const);
  for (const [path, want] of [...NEEDED, ...programs]) {
    if (!permits(await stat(join(native, path)), user, want)) return false;
  }
  return true;
}

async function makeLinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return '[]'; // The Windows package has no links.
    throw error;
  });
  for (const { source, target } of JSON.parse(list) as Link[]) {
    const link = join(dirname(native), target);
    if (await exists(link)) continue;
    await symlink(relative(dirname(target), source), link).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error; // Another process makes the same links.
    });
  }
}

async function makeExecutable(native: string): Promise<void> {
  if (process.platform === 'win32') return;
  for (const program of programsIn(native)) {
    const { mode } = await stat(program);
    if ((mode & 0o100) === 0) await chmod(program, 0o755);
  }
}

async function copyBinaries(native: string, target: string): Promise<void> {
  // The list of links says native/…, so the copy needs a folder of that name.
  const temporary = `${target}.${randomUUID()}`;
  try {
    await mkdir(temporary, { recursive: true });
    const copy = join(temporary, 'native');
    await cp(native, copy, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') });
    await makeReadable(copy);
    await makeLinks(copy);
    await makeExecutable(copy);
    await rename(copy, target);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await makeReadable(path);
    else if (entry.isFile()) await chmod(path, ((await stat(path)).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
    },
  );
}
