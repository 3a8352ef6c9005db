import { haveParted } from '../cache/lease.js';
import type { Clock } from '../core/clock.js';

/** The clocks of this process, injected so that they can be simulated. */
export interface ProcessClocks {
  /** Milliseconds that never go back; stands still while the machine sleeps. */
  monotonic(): number;
  /** Milliseconds since the epoch as the operating system has them; may step. */
  wall(): number;
}

export const systemClocks: ProcessClocks = { monotonic: () => performance.now(), wall: () => Date.now() };

/** Two clocks that run freely part by less than this part of the time, also while one of them is being slewed. */
const DRIFT = 0.001;
/** And a clock that is set between two readings is set by less, or it is another database's. */
const LEAST_ERROR_MS = 50;

/**
 * The database's time on this node: its last reading plus the monotonic time since, so that the node's own clock does
 * not matter. Before the first reading it is the wall clock.
 */
export class NodeClock implements Clock {
  #offset: number;
  #roundTripMs = Number.POSITIVE_INFINITY;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly clocks: ProcessClocks = systemClocks) {
    this.#offset = clocks.wall() - clocks.monotonic();
  }

  now(): number {
    return this.clocks.monotonic() + this.#offset;
  }

  /**
   * The earliest that the database's clock can have been at a moment of this process (monotonic), as far as readings
   * tell; `-Infinity` before the first.
   */
  earliest(monotonic: number): number {
    return monotonic + this.#offset - this.#errorAt(monotonic) - LEAST_ERROR_MS;
  }

  /**
   * Takes in what the database's clock said in an answer to a question asked at `askedAt` (monotonic), unless what is
   * known is better: an answer that waited, on the way or in a process that was stopped, is wrong by up to half of it.
   * With the wall clock of that moment it is noticed where the machine has slept in between.
   */
  observe(databaseTime: number, askedAt: number, askedAtWall?: number): void {
    if (Number.isNaN(databaseTime)) return;
    const answeredAt = this.clocks.monotonic();
    if (askedAtWall !== undefined && haveParted(answeredAt - askedAt, this.clocks.wall() - askedAtWall)) {
      // How long the answer took is not known, only that it is not from the future.
      this.#offset = Math.max(this.#offset, databaseTime - answeredAt);
      return;
    }
    const roundTripMs = answeredAt - askedAt;
    const offset = databaseTime - (askedAt + answeredAt) / 2;
    const presentErrorMs = this.#errorAt(answeredAt);
    // Further apart than both can be wrong: the machine slept, or the database is another one.
    const contradicts = Math.abs(offset - this.#offset) > roundTripMs / 2 + presentErrorMs;
    if (!contradicts && roundTripMs / 2 > presentErrorMs) return;
    this.#offset = offset;
    this.#roundTripMs = roundTripMs;
    this.#readAt = answeredAt;
  }

  /** How far the time shown at a moment can be from the database's. */
  #errorAt(monotonic: number): number {
    return this.#roundTripMs / 2 + DRIFT * Math.abs(monotonic - this.#readAt);
  }
}
