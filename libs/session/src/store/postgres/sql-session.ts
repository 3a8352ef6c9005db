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

/** One operation with all its attempts. Past its deadline it must do nothing more: its caller was told that it failed. */
class Operation {
  isOver = false;
  #cut: () => void = () => undefined;

  /** Breaks the connection in use and lets nothing of the operation go on. */
  end(): void {
    this.isOver = true;
    this.#cut();
  }

  /** Nothing is in use any more. */
  released(): void {
    this.#cut = () => undefined;
  }

  /** Names what breaks the connection that is in use from now on. */
  uses(cut: () => void): void {
    this.#cut = cut;
    if (this.isOver) throw new Error('the time for this operation is over');
  }
}

/** Connections from the DataSource's pool; conflicts and lost answers are retried, within the deadline. */
export class OwnConnections implements SqlSession {
  constructor(
    private readonly dataSource: DataSource,
    private readonly deadlineMs: number,
  ) {}

  run<T>(work: (sql: SqlExecutor, attempt: number) => Promise<T>): Promise<T> {
    return this.#withinDeadline((runner, attempt) => work(executorOf(runner), attempt));
  }

  transaction<T>(work: (sql: SqlExecutor, attempt: number) => Promise<T>): Promise<T> {
    return this.#withinDeadline(async (runner, attempt) => {
      try {
        // All in one round trip. The limits free the subject's lock should this node stall, or wait, in the middle.
        const { deadlineMs } = this;
        await runner.query(
          `${BEGIN}; SET LOCAL statement_timeout = ${deadlineMs}; SET LOCAL idle_in_transaction_session_timeout = ${deadlineMs}`,
        );
        const result = await work(executorOf(runner), attempt);
        await runner.query('COMMIT');
        return result;
      } catch (error) {
        await runner.query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    });
  }

  onCommitted(apply: () => void): void {
    apply();
  }

  #withinDeadline<T>(work: (runner: QueryRunner, attempt: number) => Promise<T>): Promise<T> {
    const operation = new Operation();
    const result = withRetry(
      (attempt) => this.#onConnection(operation, (runner) => work(runner, attempt)),
      () => operation.isOver,
    );
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        operation.end();
        reject(unavailable(new Error(`no answer from the database within ${this.deadlineMs} ms`)));
      }, this.deadlineMs);
      result
        .finally(() => {
          clearTimeout(timer);
        })
        .then(resolve, reject);
    });
  }

  async #onConnection<T>(operation: Operation, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    const runner = this.dataSource.createQueryRunner('master');
    try {
      const client = (await runner.connect()) as { end(): Promise<void> };
      // The pool replaces a connection that was ended; what runs on it fails at once and, in the database, never commits.
      operation.uses(() => void client.end().catch(() => undefined));
      return await work(runner);
    } finally {
      operation.released();
      await runner.release();
    }
  }
}

/** The application's transaction: no retries, since what else is in it is not ours to repeat. */
export class CallerTransaction implements SqlSession {
  private constructor(
    readonly runner: QueryRunner,
    private readonly outcome: TransactionOutcome,
  ) {}

  /** The transaction that is open on the manager; `undefined` where none is. */
  static of(manager: EntityManager, outcome: TransactionOutcome): CallerTransaction | undefined {
    const runner = manager.queryRunner;
    if (runner?.isTransactionActive !== true) return undefined;
    if (outcome.isOf(runner)) return new CallerTransaction(runner, outcome);
    throw new IdentitySessionError(
      'CONFIGURATION_INVALID',
      'The manager belongs to another DataSource than IdentitySessionModule. Begin the transaction on its own.',
    );
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
            `sessions that were admitted while it waited, nor can a change of all sessions of a user. Begin the ` +
            `transaction as READ COMMITTED.`,
        );
      }
      return work(sql, attempt);
    });
  }

  onCommitted(apply: () => void): void {
    this.outcome.afterCommit(this.runner, apply);
  }
}
