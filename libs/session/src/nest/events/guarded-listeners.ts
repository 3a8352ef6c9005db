import { Logger } from '@nestjs/common';

/** Listeners that are called at once, in the midst of something that none of them may keep from going on. */
export class GuardedListeners<TListener extends object> {
  readonly #logger = new Logger('IdentitySession');
  readonly #listeners = new Set<TListener>();

  /** @param what they listen for, as the log says where one fails */
  constructor(private readonly what: string) {}

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  /** The answer ends it. */
  listen(listener: TListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  tell(call: (listener: TListener) => void): void {
    for (const listener of this.#listeners) {
      try {
        call(listener);
      } catch (error) {
        this.#logger.error(`A listener failed for ${this.what}: ${String(error)}`);
      }
    }
  }
}
