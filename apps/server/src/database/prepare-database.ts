import { setTimeout as pause } from 'node:timers/promises';
import { runAlone } from 'nestjs-identity-session';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './data-source-options.js';
import { DatabaseUnreachable } from './database-unreachable.js';

/** Any number that nothing else in the database is likely to lock. */
const PREPARATION_LOCK = 5128377204418836207n;
const PATIENCE_MS = 30_000;
const PAUSE_MS = 500;

/** What a client cannot mend by waiting: a wrong password, no such database or role. */
const FINAL_STATES = ['28P01', '28000', '3D000'];

/**
 * Waits for the database, then runs the server's migrations and `first`, one node after the other however many start
 * at once.
 * @throws DatabaseUnreachable when it does not answer in time
 */
export async function prepareDatabase<T>(
  url: string,
  first: (dataSource: DataSource) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const dataSource = await connect(url, signal);
  try {
    return await runAlone(dataSource, PREPARATION_LOCK, async () => {
      await dataSource.runMigrations({ transaction: 'each' });
      return first(dataSource);
    });
  } finally {
    await dataSource.destroy();
  }
}

async function connect(url: string, signal: AbortSignal | undefined): Promise<DataSource> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await new DataSource({ ...dataSourceOptions(url, 'preparing'), logging: false }).initialize();
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      const final = typeof code === 'string' && FINAL_STATES.includes(code);
      if (final || Date.now() + PAUSE_MS > deadline) throw new DatabaseUnreachable(url, error);
    }
    await pause(PAUSE_MS, undefined, signal === undefined ? {} : { signal });
  }
}
