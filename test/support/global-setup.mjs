// One PostgreSQL for every suite: that of TEST_DATABASE_URL, else an embedded one in a fresh temporary directory.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';

const PREFIX = 'identity-session-test-';
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
  const dataDir = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
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
}

/** Stops and removes what runs that were killed left behind: nobody else ever comes back to a temporary directory. */
async function removeAbandoned(startEmbeddedPostgres) {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX) || isAlive(Number.parseInt(name.slice(PREFIX.length), 10))) continue;
    const dataDir = join(tmpdir(), name);
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
