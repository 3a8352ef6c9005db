import { pause } from '../cluster/pause.js';
import type { Random } from '../random.js';

/** Does the same thing one time after the other, beside the workload, until it is stopped. */
export abstract class Probe {
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();

  /** From one time to the next: at least, and at most. */
  protected abstract readonly betweenMs: readonly [number, number];

  protected abstract once(random: Random): Promise<void>;

  /** Whoever waits inside `once` gives up where this is false. */
  protected get isRunning(): boolean {
    return this.#isRunning;
  }

  start(random: Random): void {
    this.#isRunning = true;
    this.#running = this.#run(random);
  }

  /** When it resolves nothing is under way. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.#running;
  }

  async #run(random: Random): Promise<void> {
    while (this.#isRunning) {
      await this.once(random);
      await pause(random.between(...this.betweenMs));
    }
  }
}
