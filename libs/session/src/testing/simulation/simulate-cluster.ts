import { SimulatedCluster } from './simulated-cluster.js';
import type { SimulatedSchedule } from './simulated-schedule.js';
import type { SimulationOptions } from './simulation-options.js';
import type { SimulationReport } from './simulation-report.js';

/**
 * Runs one schedule on a new cluster. Deterministic: the same schedule, options and version of this module give the same
 * report.
 *
 * To try your own times and policy, in any test runner:
 *
 * ```ts
 * for (let seed = 1; seed <= 1_000; seed += 1) {
 *   const report = await simulateCluster(simulatedSchedule(seed), { times: { maxStalenessMs: 2_000 } });
 *   if (report.violations.length > 0) throw new Error(`seed ${seed}:\n${report.trace.join('\n')}`);
 * }
 * ```
 */
export function simulateCluster(
  schedule: SimulatedSchedule,
  options: SimulationOptions = {},
): Promise<SimulationReport> {
  return new SimulatedCluster(schedule.seed, options).run(schedule.steps);
}
