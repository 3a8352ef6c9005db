import type { SimulatedProcess } from './simulated-scheduler.js';
import type { SimulatedWorld } from './simulated-world.js';

/** Carries hints between nodes, like pub/sub: at most once, unless it loses, doubles or delays them for a while. */
export class SimulatedHints {
  readonly #listeners = new Map<SimulatedProcess, () => void>();
  #unreliableUntil = Number.NEGATIVE_INFINITY;

  constructor(private readonly world: SimulatedWorld) {}

  listen(process: SimulatedProcess, onHint: () => void): void {
    this.#listeners.set(process, onHint);
  }

  /** For so long hints are lost, doubled, late and out of order. */
  disturb(forMs: number): void {
    this.#unreliableUntil = this.world.now + forMs;
    this.world.disturbHints(forMs);
  }

  heal(): void {
    this.#unreliableUntil = Number.NEGATIVE_INFINITY;
  }

  /** Resolves once the sender knows that it is on its way. */
  async send(from: SimulatedProcess): Promise<void> {
    const { random, scheduler } = this.world;
    const isUnreliable = this.world.now < this.#unreliableUntil;
    for (const [process, onHint] of this.#listeners) {
      if (process.isGone) this.#listeners.delete(process);
      else if (!isUnreliable) scheduler.schedule(process, this.world.hop(), onHint);
      else {
        const copies = random.chance(0.7) ? 0 : 1 + random.below(2);
        for (let copy = 0; copy < copies; copy += 1) scheduler.schedule(process, random.between(0, 3_000), onHint);
      }
    }
    await scheduler.pause(from, this.world.hop());
  }
}
