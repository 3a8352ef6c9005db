import type { Clock } from '../core/clock.js';

/** A clock that stands still until it is told otherwise. Times are milliseconds since the epoch. */
export class FixedClock implements Clock {
  #now: number;

  /** Starts at the given moment; by default at 2026-01-01 00:00 UTC. */
  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  /** Lets `ms` pass; negative values set the clock back, as a correction of a machine's clock does. */
  advance(ms: number): void {
    this.#now += ms;
  }

  /** Sets the clock to a moment. */
  set(ms: number): void {
    this.#now = ms;
  }
}
