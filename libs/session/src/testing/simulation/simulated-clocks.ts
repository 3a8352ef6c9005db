import type { ProcessClocks } from '../../sync/node-clock.js';
import type { SimulatedProcess, SimulatedScheduler } from './simulated-scheduler.js';

/** What the simulated world's true clock shows at its beginning, in milliseconds since the epoch. */
export const SIMULATED_EPOCH_MS = Date.UTC(2026, 0, 1);

/** The clocks and timers of a simulated process: the wall may be minutes off and step, the monotonic one may sleep. */
export class SimulatedClocks implements ProcessClocks {
  #sleptMs = 0;
  #asleepUntil = 0;
  readonly #bootedAt: number;

  constructor(
    private readonly scheduler: SimulatedScheduler,
    private readonly process: SimulatedProcess,
    /** How far the wall clock is ahead of the true time. */
    private skewMs: number,
    private readonly uptimeMs: number,
  ) {
    this.#bootedAt = scheduler.now;
  }

  monotonic(): number {
    return this.uptimeMs + this.scheduler.now - this.#bootedAt - this.#sleptMs;
  }

  wall(): number {
    return SIMULATED_EPOCH_MS + this.scheduler.now + this.skewMs;
  }

  /** Somebody sets the clock. */
  step(ms: number): void {
    this.skewMs += ms;
  }

  /** The machine sleeps from now on for so long: the monotonic clock does not see that time, also where sleeps overlap. */
  sleep(ms: number): void {
    const until = this.scheduler.now + ms;
    const since = Math.max(this.scheduler.now, this.#asleepUntil);
    this.#sleptMs += Math.max(0, until - since);
    this.#asleepUntil = Math.max(this.#asleepUntil, until);
  }

  /** A timer: it counts on the monotonic clock. */
  readonly timer = (task: () => void, delayMs: number): (() => void) => {
    const due = this.monotonic() + delayMs;
    let cancel: () => void;
    const fire = (): void => {
      const missing = due - this.monotonic();
      if (missing > 0.001) cancel = this.scheduler.schedule(this.process, missing, fire);
      else task();
    };
    cancel = this.scheduler.schedule(this.process, delayMs, fire);
    return () => {
      cancel();
    };
  };
}
