import { AsyncLocalStorage } from 'node:async_hooks';

/** Messages that wait to be sent; beyond that what carries them does not keep up. */
const MOST_WAITING = 1_000;
/** What has waited for longer is not news any more. */
const STALE_AFTER_MS = 5_000;

interface Turn {
  readonly before: Promise<void>;
  readonly since: number;
}

/**
 * Keeps the order of messages whose sender does not wait for one before it sends the next, and takes several statements
 * for each. What is sent is read at once, before its turn has come: whoever made it may change it then.
 */
export class PublishOrder {
  readonly #turns = new AsyncLocalStorage<Turn>();
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  #isClosed = false;

  /** Begins to publish, with `inTurn` around each statement. False where too many wait. Must not be told of failures. */
  publish(begin: () => Promise<unknown>): boolean {
    if (this.#isClosed || this.#waiting >= MOST_WAITING) return false;
    this.#waiting += 1;
    const turn = { before: this.#last, since: performance.now() };
    const done = (): void => {
      this.#waiting -= 1;
    };
    this.#last = this.#turns.run(turn, begin).then(done, done);
    return true;
  }

  /** Waits until everything before has been published; at once for what is no part of a message. */
  async inTurn<T>(statement: () => Promise<T>): Promise<T> {
    const turn = this.#turns.getStore();
    if (turn !== undefined) {
      await turn.before;
      if (performance.now() - turn.since > STALE_AFTER_MS) throw new Error('The message has waited for too long.');
    }
    return statement();
  }

  /** Takes nothing more; resolves once what it has is published. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
  }
}
