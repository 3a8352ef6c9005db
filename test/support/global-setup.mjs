// One PostgreSQL for every suite: that of TEST_DATABASE_URL, else an embedded one in a fresh temporary directory.
import { existsSync } from 'node:fs';
import { access, constants, mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';

const PREFIX = 'identity-session-test-';
/** Every database of a test is some 300 files: made and removed in memory they cost a third of the system's time. */
const MEMORY = '/dev/shm';
const ENOUGH_MEMORY_BYTES = 2 ** 31;
const LIBRARY = new URL('../../libs/embedded-postgres/dist/index.js', import.meta.url);

export default async function setup() {
  process.env.TEST_RUN_ID = randomBytes(4).toString('hex');
  if (process.env.TEST_DATABASE_URL) {
    process.env.TEST_ADMIN_DATABASE_URL = process.env.TEST_DATABASE_URL;
    return;
  }
  if (!existsSync(LIBRARY)) {
    throw new Error('libs/embedded-postgres is not built: run "npm run build:libs" first, or set TEST_DATABASE_URL.');
  }
  const { startEmbeddedPostgres } = await import(LIBRARY.href);
  await removeAbandoned(startEmbeddedPostgres);
  const dataDir = await mkdtemp(join(await parentDirectory(), `${PREFIX}${process.pid}-`));
  const server = await startEmbeddedPostgres({
    dataDir,
    settings: {
      fsync: 'off',
      synchronous_commit: 'off',
      full_page_writes: 'off',
      max_connections: '300',
      shared_buffers: '128MB',
    },
  });
  globalThis.testPostgres = { server, dataDir };
  process.env.TEST_ADMIN_DATABASE_URL = server.url;
  // Its checkpoints wait for no disk, and files are copied in half the time that a log of all their pages takes.
  process.env.TEST_DATABASE_STRATEGY = 'FILE_COPY';
}

/** In memory where the system has room for it: a container's own share is often too small. */
async function parentDirectory() {
  try {
    await access(MEMORY, constants.W_OK);
    const { bavail, bsize } = await statfs(MEMORY);
    if (bavail * bsize >= ENOUGH_MEMORY_BYTES) return MEMORY;
  } catch {
    // Other systems have none.
  }
  return tmpdir();
}

/** Stops and removes what runs that were killed left behind: nobody else ever comes back to a temporary directory. */
async function removeAbandoned(startEmbeddedPostgres) {
  const parents = [tmpdir(), ...(existsSync(MEMORY) ? [MEMORY] : [])];
  const found = await Promise.all(
    parents.map(async (parent) => (await readdir(parent)).map((name) => ({ name, dataDir: join(parent, name) }))),
  );
  for (const { name, dataDir } of found.flat()) {
    if (!name.startsWith(PREFIX) || isAlive(Number.parseInt(name.slice(PREFIX.length), 10))) continue;
    try {
      if (existsSync(join(dataDir, 'cluster'))) await (await startEmbeddedPostgres({ dataDir })).stop();
      await rm(dataDir, { recursive: true, force: true });
    } catch {
      // Another run removes it at this moment, or it belongs to another user: either way it is not in our way.
    }
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
