import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { dataDirAt } from '../data-dir.js';
import type { EmbeddedPostgresOptions } from '../options.js';
import { findPostmaster } from '../postmaster-pid.js';
import { isRunning } from '../process-identity.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../start-embedded-postgres.js';
import { spawnOwner, type OwnerProcess } from './owner-process.js';

/** Whatever a spec makes on disk and in processes, so that nothing stays, also after a failure. */
export class Scratch {
  private readonly directories: string[] = [];
  private readonly owners: OwnerProcess[] = [];
  private readonly servers: EmbeddedPostgres[] = [];

  /** A fresh empty directory. */
  async directory(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'embedded-postgres-spec-'));
    this.directories.push(path);
    return path;
  }

  /** Starts a server in this process, one that does not wait for the disk: no spec cuts the power. */
  async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const server = await startEmbeddedPostgres({ ...options, settings: { fsync: 'off', ...options.settings } });
    this.servers.push(server);
    return server;
  }

  /** Starts a server in a process of its own. */
  owner(options: EmbeddedPostgresOptions, as?: { uid: number; gid: number }): OwnerProcess {
    const owner = spawnOwner({ ...options, settings: { fsync: 'off', ...options.settings } }, as);
    this.owners.push(owner);
    return owner;
  }

  /** Ends every process, orphans too. Directories stay. */
  async stop(): Promise<void> {
    await Promise.all(this.owners.splice(0).map((owner) => owner.kill()));
    await Promise.all(this.servers.splice(0).map((server) => server.stop()));
    for (const directory of this.directories) {
      const orphan = await findPostmaster(dataDirAt(directory).cluster);
      if (!orphan) continue;
      process.kill(orphan.identity.pid, 'SIGQUIT');
      await until(() => !isRunning(orphan.identity));
    }
  }

  /** Ends every process and removes every directory. */
  async remove(): Promise<void> {
    await this.stop();
    await Promise.all(
      this.directories.splice(0).map((path) => rm(path, { recursive: true, force: true, maxRetries: 5 })),
    );
  }
}

/** Runs one statement over a connection of its own. */
export async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Waits for a condition; fails after thirty seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not so within thirty seconds: ${condition.toString()}`);
    await delay(5);
  }
}
