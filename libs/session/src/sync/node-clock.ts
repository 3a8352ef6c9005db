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

/** A reading this much worse than the best one is only taken once the best one is old. */
const TOLERATED_ROUND_TRIP_FACTOR = 2;
const READING_LIFETIME_MS = 30_000;
/** The clocks of two machines part by less than this between two readings. */
const DRIFT_MS = 50;

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
    return monotonic + this.#offset - this.#roundTripMs / 2 - DRIFT_MS;
  }

  /**
   * Takes in what the database's clock said in an answer to a question asked at `askedAt` (monotonic). With the wall
   * clock of that moment it is noticed where the machine has slept in between.
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
    const isOld = answeredAt - this.#readAt > READING_LIFETIME_MS;
    const offset = databaseTime - (askedAt + answeredAt) / 2;
    // Further apart than both readings can be wrong: the machine slept, or the database is another one.
    const contradicts = Math.abs(offset - this.#offset) > roundTripMs + this.#roundTripMs;
    if (!isOld && !contradicts && roundTripMs > this.#roundTripMs * TOLERATED_ROUND_TRIP_FACTOR) return;
    this.#offset = offset;
    this.#roundTripMs = roundTripMs;
    this.#readAt = answeredAt;
  }
}
