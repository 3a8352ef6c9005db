interface Waiting {
  readonly go: () => void;
}

/**
 * Lets those who want the same follow each other, in the order in which they came; different keys know nothing of each
 * other. Of this process alone.
 */
export class Turns<TKey = string> {
  /** Those who wait behind whoever has the turn, by key. */
  readonly #waiting = new Map<TKey, Set<Waiting>>();

  /**
   * Resolves once it is the caller's turn, with what ends the turn; ending it twice does nothing. `undefined` where it did
   * not come within `waitMs`.
   */
  take(key: TKey, waitMs?: number): Promise<(() => void) | undefined> {
    const queue = this.#waiting.get(key);
    if (queue === undefined) {
      this.#waiting.set(key, new Set());
      return Promise.resolve(this.#turn(key));
    }
    return new Promise((resolve) => {
      const mine: Waiting = {
        go: () => {
          clearTimeout(timer);
          resolve(this.#turn(key));
        },
      };
      const timer =
        waitMs === undefined
          ? undefined
          : setTimeout(() => {
              queue.delete(mine);
              resolve(undefined);
            }, waitMs);
      queue.add(mine);
    });
  }

  /** Runs `work` in the caller's turn. */
  async run<T>(key: TKey, work: () => Promise<T>): Promise<T> {
    const end = await this.take(key);
    try {
      return await work();
    } finally {
      end?.();
    }
  }

  #turn(key: TKey): () => void {
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const queue = this.#waiting.get(key);
      const [next] = queue ?? [];
      if (queue === undefined || next === undefined) {
        this.#waiting.delete(key);
        return;
      }
      queue.delete(next);
      next.go();
    };
  }
}
