import { setTimeout as pause } from 'node:timers/promises';
import type { DataSource, QueryRunner } from 'typeorm';

const POLL_MS = 200;

/**
 * Runs `work` while no other node runs anything under the lock, a signed number of 64 bits. The lock belongs to a
 * transaction that is open meanwhile, since locks of a connection leak through poolers, and goes with the node. Needs a
 * connection beside those of the work.
 *
 * Nodes ask again and again and do not wait in the database: a statement that waits there holds a snapshot, and
 * `CREATE INDEX CONCURRENTLY` under the lock would wait for that in turn.
 */
export async function runAlone<T>(dataSource: DataSource, lock: bigint, work: () => Promise<T>): Promise<T> {
  const holder = dataSource.createQueryRunner('master');
  try {
    while (!(await take(holder, lock))) await pause(POLL_MS);
    try {
      return await work();
    } finally {
      // The connection may be gone; so is the lock then.
      await holder.rollbackTransaction().catch(() => undefined);
    }
  } finally {
    await holder.release();
  }
}

/**
 * Leaves a transaction open that holds the lock and no snapshot: not by its level, and not by a portal either, which
 * stays with its snapshot until the next statement where one was asked with parameters.
 */
async function take(holder: QueryRunner, lock: bigint): Promise<boolean> {
  await holder.startTransaction('READ COMMITTED');
  // It is idle for as long as the work takes.
  await holder.query(
    `SELECT set_config(name, '0', true) FROM pg_settings
     WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')`,
  );
  const rows = (await holder.query(`SELECT pg_try_advisory_xact_lock('${lock}'::bigint) AS taken`)) as {
    taken: boolean;
  }[];
  if (rows[0]?.taken === true) return true;
  await holder.rollbackTransaction();
  return false;
}
