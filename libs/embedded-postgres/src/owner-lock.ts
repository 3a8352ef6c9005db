import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, rmdir, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf, EmbeddedPostgresError } from './errors.js';
import { identify, isRunning, type ProcessIdentity } from './process-identity.js';

/** The right to run the cluster of one data directory. */
export interface OwnerLock {
  /** Tells those that come second where the server answers. */
  publish(url: string): Promise<void>;
  /** Gives the right back. May be called again. */
  release(): Promise<void>;
}

/** What an owner writes about itself. */
interface Claim extends ProcessIdentity {
  readonly url: string | null;
}

const URL_WAIT_MS = 10_000;
const POLL_MS = 20;

/**
 * Takes the owner lock at `path`, or throws ALREADY_RUNNING when a live process holds it; a dead one's lock is taken
 * over. Of any number of processes that try at once exactly one wins.
 *
 * The lock is a directory that holds one file with a name of its own for each claim. Renaming a directory onto it
 * succeeds only while it is absent or empty, so taking is atomic; and removing a dead owner's file by its name can
 * never remove the lock of a live one that came in between.
 */
export async function acquireOwnerLock(path: string, url: { describe: string }): Promise<OwnerLock> {
  const self = identify(process.pid) ?? { pid: process.pid, startTime: null };
  const name = `${process.pid}-${randomUUID()}.json`;
  const claimDir = `${path}.claim-${name}`;
  await mkdir(claimDir, { mode: 0o700 });
  await write(join(claimDir, name), { ...self, url: null });
  try {
    while (!(await take(claimDir, path))) await clearDeadClaims(path, url.describe);
  } finally {
    await rm(claimDir, { recursive: true, force: true });
  }
  await removeAbandonedClaims(path);
  const held = join(path, name);
  return {
    publish: async (address) => {
      const next = `${path}.claim-${name}`;
      await write(next, { ...self, url: address });
      await rename(next, held);
    },
    release: async () => {
      await rm(held, { force: true });
      await rmdir(path).catch(() => undefined); // Not empty: a new owner has come.
    },
  };
}

async function take(claimDir: string, path: string): Promise<boolean> {
  try {
    // Windows does not replace a directory, not even an empty one; rmdir refuses one that is not empty.
    await rmdir(path).catch(() => undefined);
    await rename(claimDir, path);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES'].includes(codeOf(error) ?? '') && (await readClaims(path)).length > 0) {
      return false;
    }
    throw error;
  }
}
