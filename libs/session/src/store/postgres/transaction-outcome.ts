import { Logger } from '@nestjs/common';
import type { DataSource, EntitySubscriberInterface, QueryRunner } from 'typeorm';

interface Waiting {
  readonly callback: () => void;
  /** How many transactions and savepoints are open around it. */
  depth: number;
}

/**
 * Tells when a transaction of the application has committed. What happened inside it may be shown to nobody before, and
 * never if it was rolled back, alone or with a savepoint.
 */
export class TransactionOutcome {
  readonly #waiting = new WeakMap<QueryRunner, Waiting[]>();
  readonly #logger = new Logger('IdentitySession');
  #subscribers: unknown;

  constructor(private readonly dataSource: DataSource) {}

  /** True for a query runner of this DataSource: another one may be another database. */
  isOf(queryRunner: QueryRunner): boolean {
    const { dataSource, connection } = queryRunner as { dataSource?: DataSource; connection?: DataSource };
    return (dataSource ?? connection) === this.dataSource;
  }

  /** Runs `callback` after the commit of what is open on `queryRunner` now; never after its rollback. */
  afterCommit(queryRunner: QueryRunner, callback: () => void): void {
    this.#subscribe();
    const waiting = this.#waiting.get(queryRunner) ?? [];
    waiting.push({ callback, depth: depthOf(queryRunner) });
    this.#waiting.set(queryRunner, waiting);
  }

  /** Not before the DataSource is initialised, which makes its list of subscribers anew. */
  #subscribe(): void {
    if (this.#subscribers === this.dataSource.subscribers) return;
    this.#subscribers = this.dataSource.subscribers;
    const subscriber: EntitySubscriberInterface = {
      afterTransactionCommit: ({ queryRunner }) => {
        this.#committed(queryRunner);
      },
      afterTransactionRollback: ({ queryRunner }) => {
        this.#rolledBack(queryRunner);
      },
    };
    this.dataSource.subscribers.push(subscriber);
  }

  #committed(queryRunner: QueryRunner): void {
    const waiting = this.#waiting.get(queryRunner) ?? [];
    if (queryRunner.isTransactionActive) {
      // A savepoint was released: what was inside now stands or falls with what is around it.
      for (const one of waiting) one.depth = Math.min(one.depth, depthOf(queryRunner));
      return;
    }
    this.#waiting.delete(queryRunner);
    for (const { callback } of waiting) {
      try {
        callback();
      } catch (error) {
        // The transaction has committed: whoever waits for it must not be told otherwise.
        this.#logger.error(`After a commit: ${String(error)}`);
      }
    }
  }

  #rolledBack(queryRunner: QueryRunner): void {
    const around = queryRunner.isTransactionActive ? depthOf(queryRunner) : 0;
    const left = (this.#waiting.get(queryRunner) ?? []).filter(({ depth }) => depth <= around);
    this.#waiting.set(queryRunner, left);
  }
}

function depthOf(queryRunner: QueryRunner): number {
  return (queryRunner as unknown as { transactionDepth: number }).transactionDepth;
}
