const TICK_MS = 5;
/** What a tick that came late counts for at most: the process was not awake for the rest of it. */
const LATEST_MS = 50;

/**
 * Time in which this process was awake, in milliseconds. What is to happen within a bound may take longer by as much as
 * the machine left everybody without a turn; whoever waits for a timer or an answer meanwhile is charged in full.
 */
export class Stopwatch {
  #awake = 0;
  #last = performance.now();
  readonly #ticks = setInterval(() => {
    this.#tick();
  }, TICK_MS);

  constructor() {
    this.#ticks.unref();
  }

  /** Since it was made. */
  ms(): number {
    this.#tick();
    return this.#awake;
  }

  /** As `ms`, and for the last time. */
  stop(): number {
    clearInterval(this.#ticks);
    return this.ms();
  }

  #tick(): void {
    const now = performance.now();
    this.#awake += Math.min(now - this.#last, LATEST_MS);
    this.#last = now;
  }
}
