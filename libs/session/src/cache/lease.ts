/** How long something may be trusted: until either clock of the process says that the time is over. */
export interface Lease {
  readonly monotonicUntil: number;
  readonly wallUntil: number;
}

/** The clocks of one process part by less while it is awake, unless somebody sets the wall clock. */
const MOST_PARTED_MS = 500;

/**
 * True where the two clocks of a process have not seen the same time pass: the machine may have slept, for as long as
 * the wall clock says or, if that was set back, for longer. What was measured across such a time is worth nothing.
 */
export function haveParted(monotonicElapsedMs: number, wallElapsedMs: number): boolean {
  return Math.abs(wallElapsedMs - monotonicElapsedMs) > MOST_PARTED_MS;
}

/** True while a lease holds. Clocks that have parted end it: this node's idea of the database's time is wrong then. */
export function isHeld({ monotonicUntil, wallUntil }: Lease, monotonic: number, wall: number): boolean {
  return monotonic < monotonicUntil && wall < wallUntil && !haveParted(monotonic - monotonicUntil, wall - wallUntil);
}
