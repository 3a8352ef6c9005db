import type { SimulatedViolation } from './simulated-invariants.js';

/** What a run has shown. */
export interface SimulationReport {
  /** Promises that were not kept; empty where all is well. The run ends with the first. */
  readonly violations: readonly SimulatedViolation[];
  /** Who did what when. */
  readonly trace: readonly string[];
  /** Tasks that the scheduler has run. */
  readonly tasks: number;
  /** Simulated milliseconds. */
  readonly durationMs: number;
  /** Requests that were admitted, and refused, by code. */
  readonly answers: Readonly<Record<string, number>>;
}
