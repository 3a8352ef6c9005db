/** Milliseconds on the one clock of a run, which no change of the system's time moves. */
export function runNow(): number {
  return performance.now();
}

/** What a moment of the system's clock (which PostgreSQL on this machine reads as well) is on the clock of the run. */
export function fromWall(wallMs: number): number {
  return wallMs - (Date.now() - performance.now());
}
