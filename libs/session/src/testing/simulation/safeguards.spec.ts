import { describe, expect, it } from '@jest/globals';
import { SABOTAGES } from './sabotage.spec-support.js';
import { simulateCluster } from './simulate-cluster.js';
import { simulatedSchedule, type SimulatedSchedule } from './simulated-schedule.js';
import { findViolation } from './simulation.spec-support.js';

const IS_SUITE = process.env['SIMULATION_SCHEDULES'] === undefined;
/** Where a search begins; each has to find something by itself. In the suite one has to do. */
const STARTS = IS_SUITE ? [1] : [1, 1_000_000, 2_000_000];
/** All with `npm run test:simulation`, which every commit runs as well. */
const TRIED = Object.keys(SABOTAGES).filter((_, index) => !IS_SUITE || index % 3 === 0);
const MOST_SCHEDULES = 4_000;

async function search(name: string, start: number): Promise<SimulatedSchedule | undefined> {
  const { parts, weights, options } = SABOTAGES[name]!;
  for (let seed = start; seed < start + MOST_SCHEDULES; seed += 1) {
    const schedule = simulatedSchedule(seed, weights === undefined ? {} : { weights });
    const { violations } = await simulateCluster(schedule, { ...options, parts });
    if (violations.length > 0) return schedule;
  }
  return undefined;
}

describe('the simulation finds what goes wrong without', () => {
  it.each(TRIED)(
    '%s',
    async (name) => {
      for (const start of STARTS) {
        const found = await search(name, start);
        expect(found).toBeDefined();
        // It is the safeguard that makes the difference.
        expect((await simulateCluster(found!, SABOTAGES[name]!.options)).violations).toEqual([]);
      }
    },
    240_000,
  );
});

describe('a failing run', () => {
  const { parts } = SABOTAGES['discontinuity: a new position']!;

  it('tells how to replay it, and the replay finds the same', async () => {
    const first = await findViolation({ schedules: 500, seed: 3 }, { parts });
    const [, seed, path] = /SIMULATION_SEED=(-?\d+) SIMULATION_PATH=([\d:]+) /.exec(first ?? '') ?? [];
    expect(first).toContain('VIOLATION');
    const replayed = await findViolation({ schedules: 500, seed: Number(seed), path: path! }, { parts });
    expect(replayed?.split('\n').slice(2)).toEqual(first?.split('\n').slice(2));
  });
});
