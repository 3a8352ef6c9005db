/**
 * Time as the module sees it, in milliseconds since the epoch. Injected everywhere, so that a whole cluster can be
 * simulated. Implementations must not go backwards by more than the database's own clock does.
 */
export interface Clock {
  now(): number;
}

/** The clock of this process. Good for tests and stores in memory; nodes use one anchored at the database. */
export const systemClock: Clock = { now: () => Date.now() };
