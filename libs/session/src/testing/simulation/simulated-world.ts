import { SimulatedProcess, SimulatedScheduler } from './simulated-scheduler.js';
import { SimulatedRandom } from './simulated-random.js';
import { SimulatedTrace } from './simulated-trace.js';

/** After a fault has ended, nodes need this long to be back in step: the longest pause between two tries. */
const RECOVERY_MS = 6_000;

/** What everything in one simulated run shares: time, chance, the trace, and whether all is well. */
export class SimulatedWorld {
  readonly scheduler = new SimulatedScheduler();
  readonly random: SimulatedRandom;
  readonly trace = new SimulatedTrace(() => this.scheduler.now);
  /** Outside of all nodes; never stands still. */
  readonly outside = new SimulatedProcess('world');
  #calmSince = 0;
  #hintsWorkSince = 0;

  constructor(seed: number) {
    this.random = new SimulatedRandom(seed);
  }

  get now(): number {
    return this.scheduler.now;
  }

  /** Something does not work as it should for so long. */
  disturb(forMs: number): void {
    this.#calmSince = Math.max(this.#calmSince, this.now + forMs + RECOVERY_MS);
  }

  disturbHints(forMs: number): void {
    this.#hintsWorkSince = Math.max(this.#hintsWorkSince, this.now + forMs);
  }

  /** True where nothing was out of order between `since` and now. */
  isCalmSince(since: number): boolean {
    return since >= this.#calmSince;
  }

  hintsWorkSince(since: number): boolean {
    return since >= this.#hintsWorkSince;
  }

  /** How long a message is on its way over a network in order. */
  hop(): number {
    return this.random.between(0.1, this.random.chance(0.8) ? 3 : 20);
  }
}
