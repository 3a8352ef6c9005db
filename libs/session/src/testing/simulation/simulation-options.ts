import { MemorySessionCache } from '../../cache/memory-session-cache.js';
import type { SessionCache } from '../../cache/session-cache.js';
import type { ConcurrentLoginPolicy } from '../../core/policy.js';
import { TokenRotation } from '../../nest/check/token-rotation.js';
import { SessionWriter } from '../../nest/sign-in/session-writer.js';
import type { SessionJobStore } from '../../store/session-jobs.js';
import type { ChangeLogConnection } from '../../sync/change-log.js';
import { KnownSessions } from '../../sync/known-sessions.js';
import type { LogProgress } from '../../sync/log-progress.js';
import { RememberedVersions } from '../../sync/remembered-versions.js';
import { SessionLoader } from '../../sync/session-loader.js';
import { SharedLevel } from '../../sync/shared-level.js';
import { TouchBuffer, type TouchBufferOptions } from '../../sync/touch-buffer.js';
import type { TailOptions } from '../../sync/tail.js';

/** The times of a simulated cluster, in milliseconds; as the options of the module with the same names. */
export interface SimulatedTimes extends TailOptions, Required<TouchBufferOptions> {
  /** How long a session stays in the cache that nodes share. */
  readonly sharedLifetimeMs: number;
  readonly idleTimeoutMs: number;
  readonly absoluteLifetimeMs: number;
  readonly storeDeadlineMs: number;
  /** As `rotation.intervalMs`, where tokens are rotated by the clock. */
  readonly rotationIntervalMs: number;
  readonly rotationGraceMs: number;
}

/**
 * The parts that a node is made of. Put another in the place of one to see what becomes of a cluster with it: a cache
 * of your own, or a part without a safeguard, which the simulation then has to find.
 */
export interface SimulatedParts {
  readonly makeCache: () => SessionCache;
  readonly SessionLoader: typeof SessionLoader;
  readonly RememberedVersions: typeof RememberedVersions;
  readonly TouchBuffer: typeof TouchBuffer;
  readonly KnownSessions: typeof KnownSessions;
  readonly connection: (connection: ChangeLogConnection) => ChangeLogConnection;
  readonly SharedLevel: typeof SharedLevel;
  readonly log: (log: LogProgress) => LogProgress;
  /** What the tail does with a discontinuity, given what it should do. */
  readonly restart: (restart: () => void) => () => void;
  readonly SessionWriter: typeof SessionWriter;
  readonly TokenRotation: typeof TokenRotation;
  /** The jobs as the node that works on them has them. */
  readonly jobs: (jobs: SessionJobStore) => SessionJobStore;
}

export interface SimulationOptions {
  readonly nodes?: number;
  readonly users?: number;
  /** Admissions of each user are decided by it. */
  readonly policy?: ConcurrentLoginPolicy;
  /** Whether nodes share a cache; by default some runs have one and some do not. */
  readonly sharedCache?: boolean;
  /** Whether tokens are rotated by the clock; by default in some runs. */
  readonly scheduledRotation?: boolean;
  /** Whether each check asks the database, as by the option of that name; by default in a few runs. */
  readonly strict?: boolean;
  readonly times?: Partial<SimulatedTimes>;
  readonly parts?: Partial<SimulatedParts>;
}

/** The options of a run, complete. */
export interface ResolvedSimulation {
  readonly nodes: number;
  readonly users: number;
  readonly policy: ConcurrentLoginPolicy;
  readonly sharedCache: boolean | undefined;
  readonly scheduledRotation: boolean | undefined;
  readonly strict: boolean | undefined;
  readonly times: SimulatedTimes;
  readonly parts: SimulatedParts;
}

/** What it logs would be of a world that there is not. */
export class QuietTokenRotation extends TokenRotation {
  protected override warn(): void {
    // The trace tells more.
  }
}

/** Scaled down, so that a run of some seconds passes every limit. */
const TIMES: SimulatedTimes = {
  tailIntervalMs: 1_000,
  maxStalenessMs: 4_000,
  logHorizonMs: 60_000,
  syncIntervalMs: 4_000,
  idleMarginMs: 1_500,
  keepAccessMs: 1_000,
  mostBuffered: 1_000,
  sharedLifetimeMs: 10_000,
  idleTimeoutMs: 10_000,
  absoluteLifetimeMs: 40_000,
  storeDeadlineMs: 3_000,
  rotationIntervalMs: 6_000,
  rotationGraceMs: 4_000,
};

const PARTS: SimulatedParts = {
  makeCache: () => new MemorySessionCache({ maxSessions: 100, maxBytes: 1_000_000 }),
  SessionLoader,
  RememberedVersions,
  TouchBuffer,
  KnownSessions,
  connection: (connection) => connection,
  SharedLevel,
  log: (log) => log,
  restart: (restart) => restart,
  SessionWriter,
  TokenRotation: QuietTokenRotation,
  jobs: (jobs) => jobs,
};

/** Fills in what is not given: three nodes, two users with at most two sessions each, times of some seconds. */
export function resolveSimulation(options: SimulationOptions = {}): ResolvedSimulation {
  return {
    nodes: options.nodes ?? 3,
    users: options.users ?? 2,
    policy: options.policy ?? [{ scope: 'subject', limit: 2, whenFull: 'evict-oldest' }],
    sharedCache: options.sharedCache,
    scheduledRotation: options.scheduledRotation,
    strict: options.strict,
    times: { ...TIMES, ...options.times },
    parts: { ...PARTS, ...options.parts },
  };
}
