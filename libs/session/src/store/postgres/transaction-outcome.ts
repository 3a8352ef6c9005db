import type { DataSource, EntitySubscriberInterface, QueryRunner } from 'typeorm';

/**
 * Tells when a transaction of the application has committed. What happened inside it may be shown to nobody before,
 * and never if it was rolled back.
 */
export class TransactionOutcome {
  readonly #waiting = new WeakMap<QueryRunner, (() => void)[]>();

  constructor(dataSource: DataSource) {
    const settle = (queryRunner: QueryRunner, committed: boolean) => {
      // A released savepoint is no commit, a rolled-back one no end: what counts is the transaction around it. After
      // the rollback of a savepoint, callbacks of its undone changes still run with the commit; see `afterCommit`.
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

  /**
   * Runs `callback` after the commit of the transaction that is open on `queryRunner`; never after its rollback. It may
   * run although only a savepoint inside was rolled back, so what it applies must be checked or be safe to repeat.
   */
  afterCommit(queryRunner: QueryRunner, callback: () => void): void {
    const callbacks = this.#waiting.get(queryRunner);
    if (callbacks === undefined) this.#waiting.set(queryRunner, [callback]);
    else callbacks.push(callback);
  }
}
