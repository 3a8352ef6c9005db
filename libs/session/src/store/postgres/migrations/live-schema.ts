import { setTimeout as pause } from 'node:timers/promises';
import type { QueryRunner } from 'typeorm';
import { sqlStateOf } from '../retry.js';

/** How a table of millions of rows is changed while nodes use it: no statement waits for long at the head of a queue. */

/** lock_not_available, deadlock_detected: nothing has happened, trying again is safe. */
const CONTENTION = ['55P03', '40P01'];
/** Everybody queues behind whoever waits for a whole table, so it waits shortly, and often. */
const SHORT_WAIT_MS = 300;
const SHORT_WAITS = 4;
/** From then on long enough for PostgreSQL to cancel an automatic VACUUM in the way, after `deadlock_timeout`. */
const CANCELLING_WAIT = `(SELECT setting::int + 500 FROM pg_settings WHERE name = 'deadlock_timeout')::text`;
const PATIENCE_MS = 600_000;
const PAUSE_MS = 700;
const POLL_MS = 200;
/** Builds of an index may meet other changes of the table. */
const MOST_BUILDS = 5;
/** What is built in the blink of an eye is built plainly: a concurrent build waits for every transaction there is. */
const SMALL_BYTES = 8 * 1024 * 1024;

/** An index, and what follows `ON` in its definition. */
export interface IndexDefinition {
  readonly name: string;
  readonly table: string;
  readonly on: string;
}

/**
 * Runs statements that lock whole tables and take no time themselves, in a transaction of their own or as a part of the
 * one that is open. Gives way after a moment without the lock and tries again, so that nobody waits behind it for long.
 * @throws the error of the last attempt after ten minutes; nothing has changed then
 */
export async function briefly(queryRunner: QueryRunner, work: () => Promise<unknown>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (let attempt = 1; ; attempt += 1) {
    await queryRunner.startTransaction();
    try {
      const wait = attempt <= SHORT_WAITS ? `'${SHORT_WAIT_MS}'` : CANCELLING_WAIT;
      const [row] = (await queryRunner.query(`SELECT current_setting('lock_timeout') AS before`)) as [
        { before: string },
      ];
      await queryRunner.query(`SELECT set_config('lock_timeout', ${wait}, true)`);
      await work();
      await queryRunner.query(`SELECT set_config('lock_timeout', $1, true)`, [row.before]);
      await queryRunner.commitTransaction();
      return;
    } catch (error) {
      await queryRunner.rollbackTransaction().catch(() => undefined);
      if (!isContention(error) || Date.now() > deadline) throw error;
    }
    await pause(PAUSE_MS * (0.5 + Math.random()));
  }
}

/**
 * Builds an index that is not there yet. Outside of a transaction reads and writes go on meanwhile, however large the
 * table is; inside of one, writes wait. May be repeated: what an earlier attempt has left unfinished is built anew, and
 * one that is still at work, its node having died, is waited for.
 */
export async function ensureIndex(queryRunner: QueryRunner, index: IndexDefinition): Promise<void> {
  const create = (how: string): string =>
    `CREATE INDEX ${how} IF NOT EXISTS ${index.name} ON ${index.table} ${index.on}`;
  if (queryRunner.isTransactionActive) {
    await queryRunner.query(create(''));
    return;
  }
  for (let builds = 0; ;) {
    const { isValid, isAtWork, isSmall } = await stateOf(queryRunner, index);
    if (isValid === true) return;
    if (isAtWork) {
      await pause(POLL_MS);
      continue;
    }
    try {
      if (isValid === false) await dropIndex(queryRunner, index);
      if (isSmall) await briefly(queryRunner, () => queryRunner.query(create('')));
      else await withoutLimits(queryRunner, create('CONCURRENTLY'));
    } catch (error) {
      builds += 1;
      if (!isContention(error) || builds === MOST_BUILDS) throw error;
      await pause(PAUSE_MS);
    }
  }
}

/** Drops an index, if it is there. Outside of a transaction it waits for whoever uses it, and nobody waits for it. */
export async function dropIndex(queryRunner: QueryRunner, index: Omit<IndexDefinition, 'on'>): Promise<void> {
  const found = (await queryRunner.query(`SELECT i.indexrelid::regclass::text AS name ${OF_TABLE}`, [
    index.name,
    index.table,
  ])) as { name: string }[];
  for (const { name } of found) {
    if (queryRunner.isTransactionActive) await queryRunner.query(`DROP INDEX IF EXISTS ${name}`);
    else await withoutLimits(queryRunner, `DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
  }
}

/**
 * Runs a statement that may be repeated, and that nobody who uses the table waits for. Outside of a transaction it waits
 * itself, for as long as an administrator's VACUUM takes.
 */
export async function patiently(queryRunner: QueryRunner, statement: string): Promise<void> {
  if (queryRunner.isTransactionActive) await queryRunner.query(statement);
  else await withoutLimits(queryRunner, statement);
}

/** By the table and not by the search path, in which another schema's tables of the same names may follow. */
const OF_TABLE = `FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  WHERE c.relname = $1 AND i.indrelid = to_regclass($2)`;

interface IndexState {
  /** `null` where there is none. */
  readonly isValid: boolean | null;
  /** Somebody builds an index of the table. */
  readonly isAtWork: boolean;
  readonly isSmall: boolean;
}

async function stateOf(queryRunner: QueryRunner, { name, table }: IndexDefinition): Promise<IndexState> {
  const [state] = (await queryRunner.query(
    `SELECT (SELECT i.indisvalid ${OF_TABLE}) AS "isValid",
       EXISTS (SELECT FROM pg_stat_progress_create_index p
               WHERE p.relid = to_regclass($2) AND p.datname = current_database()) AS "isAtWork",
       pg_relation_size(to_regclass($2)) < $3::bigint AS "isSmall"`,
    [name, table, SMALL_BYTES],
  )) as [IndexState];
  return state;
}

/** Limits of the role, or of the application's connections, are for statements that somebody waits for. */
async function withoutLimits(queryRunner: QueryRunner, statement: string): Promise<void> {
  const limits = (await queryRunner.query(
    `SELECT name, set_config(name, '0', false) FROM pg_settings
     WHERE name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout')`,
  )) as { name: string }[];
  try {
    await queryRunner.query(statement);
  } finally {
    for (const { name } of limits) await queryRunner.query(`RESET ${name}`).catch(() => undefined);
  }
}

function isContention(error: unknown): boolean {
  return CONTENTION.includes(sqlStateOf(error) ?? '');
}
