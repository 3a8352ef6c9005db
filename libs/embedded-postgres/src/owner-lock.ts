import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
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
 * over. Of any number of processes that try at once exactly one wins. Guards processes of one machine (one PID
 * namespace) only.
 *
 * The lock is a directory that holds one file, of a name that is unique to the claim. Renaming a directory onto it
 * succeeds only while it is absent or empty, so taking is atomic; and removing a dead owner's file by its name can
 * never remove the lock of a live one that came in between.
 */
export async function acquireOwnerLock(path: string): Promise<OwnerLock> {
  const self: ProcessIdentity = identify(process.pid) ?? { pid: process.pid, startTime: null };
  const name = `${process.pid}-${randomUUID()}.json`;
  const claimDir = `${path}.claim-${name}`;
  await mkdir(claimDir, { mode: 0o700 });
  try {
    await writeClaim(join(claimDir, name), { ...self, url: null });
    while (!(await take(claimDir, path))) await clearDeadClaims(path);
  } finally {
    await rm(claimDir, { recursive: true, force: true });
  }
  await removeAbandonedClaims(path);
  return {
    publish: async (url) => {
      await writeClaim(claimDir, { ...self, url });
      await rename(claimDir, join(path, name));
    },
    release: async () => {
      await rm(join(path, name), { force: true });
      await rmdir(path).catch(() => undefined); // A new owner may have come already.
    },
  };
}

async function take(claimDir: string, path: string): Promise<boolean> {
  // Windows cannot rename onto a directory, even an empty one. One that is not empty stays, on every system.
  await rmdir(path).catch(() => undefined);
  try {
    await rename(claimDir, path);
    return true;
  } catch (error) {
    const occupied = process.platform === 'win32' ? ['EPERM', 'EACCES', 'EEXIST'] : ['ENOTEMPTY', 'EEXIST'];
    if (occupied.includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}

/** Removes what dead owners left; throws ALREADY_RUNNING when a live one is among them. */
async function clearDeadClaims(path: string): Promise<void> {
  for (const name of await namesIn(path)) {
    const file = join(path, name);
    const claim = await readClaim(file);
    if (claim && isRunning(claim)) throw await alreadyRunning(path, file, claim);
    await rm(file, { force: true });
  }
}

async function alreadyRunning(path: string, file: string, claim: Claim): Promise<EmbeddedPostgresError> {
  const deadline = Date.now() + URL_WAIT_MS;
  let seen: Claim | undefined = claim;
  // The owner may be in the middle of its start: its URL comes in a moment.
  while (seen?.url === null && isRunning(seen) && Date.now() < deadline) {
    await delay(POLL_MS);
    seen = await readClaim(file);
  }
  const url = seen?.url ?? null;
  const who = claim.pid === process.pid ? `this process (pid ${claim.pid})` : `another process (pid ${claim.pid})`;
  const address = url ?? 'postgres://… (its address is told once it has started)';
  return new EmbeddedPostgresError(
    'ALREADY_RUNNING',
    `${who} is running the embedded PostgreSQL in ${dirname(path)}; to run a second node set DATABASE_URL=${address}`,
    { ownerPid: claim.pid, ...(url !== null && { url }) },
  );
}

/** Removes claims of processes that were killed while they claimed. */
async function removeAbandonedClaims(path: string): Promise<void> {
  const prefix = `${basename(path)}.claim-`;
  for (const name of await namesIn(dirname(path))) {
    if (!name.startsWith(prefix)) continue;
    if (identify(Number.parseInt(name.slice(prefix.length), 10))) continue;
    await rm(join(dirname(path), name), { recursive: true, force: true });
  }
}

async function namesIn(path: string): Promise<string[]> {
  return readdir(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });
}

async function readClaim(file: string): Promise<Claim | undefined> {
  try {
    const claim = JSON.parse(await readFile(file, 'utf8')) as Claim;
    return Number.isInteger(claim.pid) ? claim : undefined;
  } catch (error) {
    // Gone with its owner, or cut short by a power loss: claims are renamed into place whole.
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function writeClaim(file: string, claim: Claim): Promise<void> {
  await writeFile(file, JSON.stringify(claim), { mode: 0o600 });
}
