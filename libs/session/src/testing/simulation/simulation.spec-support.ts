import fc from 'fast-check';
import { simulateCluster } from './simulate-cluster.js';
import {
  type SimulatedAction,
  type SimulatedSchedule,
  type SimulatedStep,
  STEP_WEIGHTS,
} from './simulated-schedule.js';
import type { SimulationOptions } from './simulation-options.js';

const MOST_STEPS = 40;

const action: fc.Arbitrary<SimulatedAction> = fc.oneof(
  ...(Object.entries(STEP_WEIGHTS) as [SimulatedAction, number][]).map(([name, weight]) => ({
    weight,
    arbitrary: fc.constant(name),
  })),
);

/** At once, after a message, after a read of the log, or after a lease. */
const afterMs = fc.oneof(
  { weight: 35, arbitrary: fc.nat(4) },
  { weight: 30, arbitrary: fc.nat(99) },
  { weight: 27, arbitrary: fc.nat(1_499) },
  { weight: 8, arbitrary: fc.nat(7_999) },
);

const step: fc.Arbitrary<SimulatedStep> = fc.record({
  afterMs,
  action,
  node: fc.nat(11),
  target: fc.oneof({ weight: 6, arbitrary: fc.nat(1) }, { weight: 4, arbitrary: fc.nat(11) }),
  forMs: fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 20, max: 500 }) },
    { weight: 7, arbitrary: fc.integer({ min: 500, max: 9_000 }) },
  ),
});

/** Schedules that fast-check makes up, and makes shorter where one fails. */
export const schedules: fc.Arbitrary<SimulatedSchedule> = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  steps: fc.array(step, { minLength: 1, maxLength: MOST_STEPS, size: 'max' }),
});

export interface SimulationRun {
  readonly schedules: number;
  /** Of fast-check. */
  readonly seed: number;
  /** Where a replay begins. */
  readonly path?: string;
}

/** Runs schedules until one violates a promise; then gives what to do and read about it, else `undefined`. */
export async function findViolation(run: SimulationRun, options: SimulationOptions = {}): Promise<string | undefined> {
  const details = await fc.check(
    fc.asyncProperty(schedules, async (schedule) => (await simulateCluster(schedule, options)).violations.length === 0),
    { numRuns: run.schedules, seed: run.seed, ...(run.path === undefined ? {} : { path: run.path }) },
  );
  const [schedule] = details.counterexample ?? [];
  if (schedule === undefined) return undefined;
  const { trace } = await simulateCluster(schedule, options);
  return [
    `A schedule violates a promise. To replay it:`,
    `  SIMULATION_SEED=${details.seed} SIMULATION_PATH=${details.counterexamplePath ?? ''} npm run test:simulation`,
    `The shortest that was found: simulateCluster(${JSON.stringify(schedule)})`,
    ...trace,
  ].join('\n');
}
