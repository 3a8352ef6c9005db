import type { DataSource, EntitySubscriberInterface, QueryRunner } from 'typeorm';

/**
 * Tells when a transaction of the application has committed. What happened inside it may be shown to nobody before,
 * and never if it was rolled back.
 */
export class TransactionOutcome {
  readonly #waiting = new WeakMap<QueryRunner, (() => void)[]>();

  constructor(dataSource: DataSource) {
    const settle = (queryRunner: QueryRunner, committed: boolean) => {
      // A released savepoint is no commit, and the work of a rolled-back one is undone without a word to us: then the
      // callbacks only drop what is cached, which is safe.
      if (queryRunner.isTransactionActive) return;
      const callbacks = this.#waiting.get(queryRunner) ?? [];
      this.#waiting.delete(queryRunner);
      if (committed) for (const callback of callbacks) callback();
    };
    const subscriber: EntitySubscriberInterface = {
      afterTransactionCommit: (event) => {
        settle(event.queryRunner, true);
      },
      afterTransactionRollback: (event) => {
        settle(event.queryRunner, false);
      },
    };
    dataSource.subscribers.push(subscriber);
  }

  /** Runs `callback` after the commit of the transaction that is open on `queryRunner`; never after its rollback. */
  afterCommit(queryRunner: QueryRunner, callback: () => void): void {
    const callbacks = this.#waiting.get(queryRunner);
    if (callbacks === undefined) this.#waiting.set(queryRunner, [callback]);
    else callbacks.push(callback);
  }
}
