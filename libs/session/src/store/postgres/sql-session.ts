import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { IdentitySessionError } from '../../core/errors.js';
import { unavailable, withRetry } from './retry.js';
import { executorOf, type SqlExecutor } from './sql-executor.js';
import { readIsolationLevel } from './statements/admission.statements.js';
import type { TransactionOutcome } from './transaction-outcome.js';

/** Where statements run: on connections of our own, or inside the caller's transaction. */
export interface SqlSession {
  /** Runs one statement that is atomic by itself; `attempt` counts from 1 and rises after conflicts and lost answers. */
  run<T>(work: (sql: SqlExecutor, attempt: number) => Promise<T>): Promise<T>;
  /** Runs several statements in one READ COMMITTED transaction, in the same way. */
  transaction<T>(work: (sql: SqlExecutor, attempt: number) => Promise<T>): Promise<T>;
  /** Runs `apply` once what has been done so far is durable. */
  onCommitted(apply: () => void): void;
}

/** The level is named, whatever the database's default: with a stricter one, a lock would not show what it waited for. */
const BEGIN = `BEGIN ISOLATION LEVEL READ COMMITTED`;

/** Connections from the DataSource's pool; conflicts and lost answers are retried, within the deadline. */
export class OwnConnections implements SqlSession {
  constructor(
    private readonly dataSource: DataSource,
    private readonly deadlineMs: number,
  ) {}

  run<T>(work: (sql: SqlExecutor, attempt: number) => Promise<T>): Promise<T> {
    return this.#withDeadline(
      withRetry((attempt) => this.#onConnection((runner) => work(executorOf(runner), attempt))),
    );
  }

  transaction<T>(work: (sql: SqlExecutor, attempt: number) => Promise<T>): Promise<T> {
    return this.#withDeadline(
      withRetry((attempt) => this.#onConnection((runner) => this.#inTransaction(runner, attempt, work))),
    );
  }

  onCommitted(apply: () => void): void {
    apply();
  }

  async #inTransaction<T>(
    runner: QueryRunner,
    attempt: number,
    work: (sql: SqlExecutor, attempt: number) => Promise<T>,
  ): Promise<T> {
    // Both in one round trip. The time limit frees the subject's lock should this node stall in the middle.
    await runner.query(`${BEGIN}; SET LOCAL idle_in_transaction_session_timeout = ${this.deadlineMs}`);
    try {
      const result = await work(executorOf(runner), attempt);
      await runner.query('COMMIT');
      return result;
    } catch (error) {
      await runner.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  async #onConnection<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    const runner = this.dataSource.createQueryRunner('master');
    try {
      return await work(runner);
    } finally {
      await runner.release();
    }
  }

  #withDeadline<T>(result: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(unavailable(new Error(`no answer from the database within ${this.deadlineMs} ms`)));
      }, this.deadlineMs);
      result
        .finally(() => {
          clearTimeout(timer);
        })
        .then(resolve, reject);
    });
  }
}

/** The application's transaction: no retries, since what else is in it is not ours to repeat. */
export class CallerTransaction implements SqlSession {
  private constructor(
    private readonly runner: QueryRunner,
    private readonly outcome: TransactionOutcome,
  ) {}

  /** The transaction that is open on the manager; `undefined` where none is. */
  static of(manager: EntityManager, outcome: TransactionOutcome): CallerTransaction | undefined {
    const runner = manager.queryRunner;
    return runner?.isTransactionActive === true ? new CallerTransaction(runner, outcome) : undefined;
  }

  async run<T>(work: (sql: SqlExecutor, attempt: number) => Promise<T>): Promise<T> {
    try {
      return await work(executorOf(this.runner), 1);
    } catch (error) {
      throw error instanceof IdentitySessionError ? error : unavailable(error);
    }
  }

  async transaction<T>(work: (sql: SqlExecutor, attempt: number) => Promise<T>): Promise<T> {
    return this.run(async (sql, attempt) => {
      const level = await readIsolationLevel(sql);
      if (level !== 'read committed') {
        throw new IdentitySessionError(
          'ISOLATION_LEVEL',
          `A sign-in inside a transaction of level "${level ?? 'unknown'}" could exceed the limit, because it cannot see ` +
            `sessions that were admitted while it waited. Begin the transaction as READ COMMITTED.`,
        );
      }
      return work(sql, attempt);
    });
  }

  onCommitted(apply: () => void): void {
    this.outcome.afterCommit(this.runner, apply);
  }
}
