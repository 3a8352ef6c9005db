import { SimulatedRandom } from './simulated-random.js';

/** How often each step comes in a schedule that is made up, relative to the others. */
export const STEP_WEIGHTS = {
  check: 30,
  'check strictly': 3,
  'check with the previous token': 4,
  'check with a wrong secret': 2,
  'sign in': 6,
  revoke: 7,
  'sign out': 2,
  rotate: 7,
  'make a cut-off': 3,
  suspend: 3,
  resume: 3,
  'sign in pending': 3,
  complete: 4,
  'merge data': 3,
  'set data': 2,
  'set user data': 2,
  'start a job': 3,
  'cancel a job': 1,
  undo: 3,
  restore: 1,
  // From here on something goes wrong.
  'stand still': 3,
  sleep: 2,
  crash: 2,
  stop: 2,
  'step the clock': 2,
  'cut the log': 4,
  'cut the store': 2,
  'cut off': 3,
  'slow log': 2,
  'slow store': 4,
  'lose hints': 6,
  'flush the shared cache': 1,
  'stall the shared cache': 2,
  'disturb the shared cache': 3,
  'crash the database': 2,
  'crash the database behind a pooler': 2,
  'abort transactions': 2,
} as const;

export type SimulatedAction = keyof typeof STEP_WEIGHTS;

/** The steps with which something goes wrong. */
export const HARMS = Object.keys(STEP_WEIGHTS).slice(
  Object.keys(STEP_WEIGHTS).indexOf('stand still'),
) as SimulatedAction[];

/** Something that happens to the cluster, or that a client does. */
export interface SimulatedStep {
  /** Milliseconds after the step before. */
  readonly afterMs: number;
  readonly action: SimulatedAction;
  /** Which node it concerns; any number. */
  readonly node: number;
  /** Which session, 0 for the newest, or which user; any number. */
  readonly target: number;
  /** For how long, where it lasts. */
  readonly forMs: number;
}

/** A whole run, as plain data: the same schedule gives the same run. */
export interface SimulatedSchedule {
  /** Of everything that the steps leave open: how long messages are on their way, which are lost, how long commits take. */
  readonly seed: number;
  readonly steps: readonly SimulatedStep[];
}

export interface ScheduleShape {
  /** At most this many steps; 40 by default. */
  readonly steps?: number;
  /** Other weights than `STEP_WEIGHTS`, for the steps that matter here. */
  readonly weights?: Partial<Record<SimulatedAction, number>>;
}

/** Makes up a schedule. The same seed and shape give the same one. */
export function simulatedSchedule(seed: number, { steps = 40, weights }: ScheduleShape = {}): SimulatedSchedule {
  const random = new SimulatedRandom(seed);
  const table = Object.entries({ ...STEP_WEIGHTS, ...weights }) as [SimulatedAction, number][];
  const total = table.reduce((sum, [, weight]) => sum + weight, 0);
  const count = 1 + random.below(steps);
  return {
    seed: random.below(2 ** 31),
    steps: Array.from({ length: count }, () => ({
      afterMs: afterMs(random),
      action: pick(table, random.next() * total),
      node: random.below(12),
      target: random.chance(0.6) ? random.below(2) : random.below(12),
      forMs: Math.floor(random.chance(0.3) ? random.between(20, 500) : random.between(500, 9_000)),
    })),
  };
}

function pick(table: readonly (readonly [SimulatedAction, number])[], point: number): SimulatedAction {
  let left = point;
  for (const [action, weight] of table) {
    left -= weight;
    if (left < 0) return action;
  }
  return 'check';
}

/** Most things happen at once, some after what takes as long as a message, a read of the log or a lease. */
function afterMs(random: SimulatedRandom): number {
  const kind = random.next();
  if (kind < 0.35) return random.below(5);
  if (kind < 0.65) return random.below(100);
  return random.below(kind < 0.92 ? 1_500 : 8_000);
}
