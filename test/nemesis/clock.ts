/** Milliseconds on the one clock of a run, which no change of the system's time moves. */
export function runNow(): number {
  return performance.now();
}

/**
 * What moments of the system's clock, which PostgreSQL on this machine reads as well, are on the clock of the run. Those
 * of one reader keep their distances.
 */
export function wallReader(): (wallMs: number) => number {
  const apart = Date.now() - performance.now();
  return (wallMs) => wallMs - apart;
}
