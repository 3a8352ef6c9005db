import { describe, expect, it } from '@jest/globals';
import { SABOTAGES } from './sabotage.spec-support.js';
import { simulateCluster, type SimulationReport } from './simulated-cluster.js';
import { simulatedSchedule } from './simulated-schedule.js';

/** Where a search begins; each has to find something by itself. */
const STARTS = [1, 1_000_000, 2_000_000];
const MOST_SCHEDULES = 4_000;

async function search(name: string, start: number): Promise<SimulationReport | undefined> {
  const { parts, weights, options } = SABOTAGES[name]!;
  for (let seed = start; seed < start + MOST_SCHEDULES; seed += 1) {
    const report = await simulateCluster(simulatedSchedule(seed, weights === undefined ? {} : { weights }), {
      ...options,
      parts,
    });
    if (report.violations.length > 0) return report;
  }
  return undefined;
}

describe('the simulation finds what goes wrong without', () => {
  it.each(Object.keys(SABOTAGES))(
    '%s',
    async (name) => {
      for (const start of STARTS) {
        const found = await search(name, start);
        expect(found?.violations).not.toBeUndefined();
      }
    },
    240_000,
  );
});
