import { availableParallelism } from 'node:os';
import { IdentitySessionError } from 'nestjs-identity-session';

/** One of the four threads that Node shares among hashing, files and host names stays free. */
const MOST_AT_ONCE = Math.min(3, availableParallelism());
const MOST_WAITING = 1_000;

/** Bounds how many passwords are hashed at once (19 MiB each) and how many wait for it. */
export class HashingQueue {
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(
    private readonly mostAtOnce = MOST_AT_ONCE,
    private readonly mostWaiting = MOST_WAITING,
  ) {}

  /** @throws IdentitySessionError `TOO_MANY_REQUESTS` where the queue is full */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.mostAtOnce) await this.#turn();
    else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.mostWaiting) {
      throw new IdentitySessionError('TOO_MANY_REQUESTS', 'Too many passwords are being checked; try again.', {
        retryAfterSeconds: 2,
      });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
