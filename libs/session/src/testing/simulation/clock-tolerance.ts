import type { SimulatedSurroundings } from './simulated-surroundings.js';

/** How far a node's idea of the database's time may be off, and for how long past a limit it may admit, with all well. */
export const CLOCK_TOLERANCE_MS = 1_000;

/** Since a moment: a clock that is read over a slow network is known to half a round trip. */
export function clockTolerance({ world, options }: SimulatedSurroundings, since: number): number {
  return CLOCK_TOLERANCE_MS + (world.isCalmSince(since) ? 0 : options.times.storeDeadlineMs / 2);
}
