import { randomInt } from 'node:crypto';
import { type Random, seededRandom } from './random.js';

/** A concurrent login strategy of the server, and what the checker has to count. */
export interface Strategy {
  readonly name: 'LogoutFromSameTypeDevicesLimit' | 'LogoutFromAllDevices' | 'RejectNew';
  readonly limit: number;
  readonly scope: 'subject' | 'deviceType';
}

/** How a run is set up. All of it follows from the seed and the command line. */
export interface Settings {
  readonly seed: number;
  readonly durationMs: number;
  readonly strategy: Strategy;
  readonly users: number;
  readonly workers: number;
  /** Devices that are connected, or about to be. */
  readonly devices: number;
  /** The promise under test: `maxStalenessMs` of the servers. */
  readonly maxStalenessMs: number;
  readonly tailIntervalMs: number;
  readonly syncIntervalMs: number;
  readonly idleMarginMs: number;
  readonly idleTimeoutMs: number;
  readonly absoluteLifetimeMs: number;
  readonly rotationIntervalMs: number;
  /** For how long the token before a scheduled rotation is good. */
  readonly rotationGraceMs: number;
  /** Added to every bound in time that the checker holds answers against: clocks are read in two processes. */
  readonly slackMs: number;
  /** Behind this much longer than a node was stopped, a request without an answer is a violation. */
  readonly answerWithinMs: number;
  /** Behind the end of a fault every node is healthy within this. */
  readonly recoverWithinMs: number;
  /** Where the record of the run is written; `null` keeps it only when something is wrong. */
  readonly historyFile: string | null;
  /** Only these faults, by name; `null` means all. */
  readonly onlyFaults: readonly string[] | null;
}

const STRATEGIES: readonly Strategy[] = [
  { name: 'LogoutFromSameTypeDevicesLimit', limit: 2, scope: 'deviceType' },
  { name: 'LogoutFromAllDevices', limit: 1, scope: 'subject' },
  { name: 'RejectNew', limit: 3, scope: 'subject' },
];

const MINUTE_MS = 60_000;

/**
 * The settings that a command line asks for: `--minutes 10 --seed 7 --strategy RejectNew --history file --faults a,b`.
 * @throws Error for what is not understood
 */
export function readSettings(given: readonly string[]): Settings {
  const known = new Map<string, string>();
  const rest = given.flatMap((argument) => argument.split(/(?<=^--[a-z]+)=/));
  for (let at = 0; at < rest.length; at += 2) {
    const [name = '', value] = rest.slice(at, at + 2);
    if (!['--minutes', '--seed', '--strategy', '--history', '--faults'].includes(name) || value === undefined) {
      throw new Error(
        `Not understood: ${name}. Use --minutes 10, --seed 7, --strategy <name>, --history <file>, --faults a,b.`,
      );
    }
    known.set(name, value);
  }
  const minutes = Number(known.get('--minutes') ?? 2);
  if (!(minutes > 0 && minutes <= 24 * 60)) throw new Error('--minutes must be a number above 0, at most a day.');
  const seed = Number(known.get('--seed') ?? randomInt(2 ** 31));
  if (!Number.isInteger(seed)) throw new Error('--seed must be an integer.');
  return {
    seed,
    durationMs: minutes * MINUTE_MS,
    strategy: strategyOf(known.get('--strategy'), seededRandom(seed).fork('strategy')),
    users: 8,
    workers: 14,
    devices: 20,
    maxStalenessMs: 2_500,
    tailIntervalMs: 500,
    syncIntervalMs: 3_000,
    idleMarginMs: 2_000,
    idleTimeoutMs: 60_000,
    absoluteLifetimeMs: 240_000,
    rotationIntervalMs: 8_000,
    rotationGraceMs: 3_000,
    slackMs: 100,
    answerWithinMs: 30_000,
    recoverWithinMs: 20_000,
    historyFile: known.get('--history') ?? null,
    onlyFaults: known.get('--faults')?.split(',') ?? null,
  };
}

function strategyOf(name: string | undefined, random: Random): Strategy {
  if (name === undefined) return random.pick(STRATEGIES);
  const found = STRATEGIES.find((strategy) => strategy.name === name);
  if (found === undefined) throw new Error(`--strategy must be one of ${STRATEGIES.map((s) => s.name).join(', ')}.`);
  return found;
}
