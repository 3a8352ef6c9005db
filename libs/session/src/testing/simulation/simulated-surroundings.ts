import type { SimulatedDatabase } from './simulated-database.js';
import type { SimulatedHints } from './simulated-hints.js';
import type { SimulatedRedis } from './simulated-shared-cache.js';
import type { SimulatedWorld } from './simulated-world.js';
import type { ResolvedSimulation } from './simulation-options.js';

/** What a node is in: everybody's world. */
export interface SimulatedSurroundings {
  readonly world: SimulatedWorld;
  readonly database: SimulatedDatabase;
  readonly hints: SimulatedHints;
  /** Absent in a cluster whose nodes share no cache. */
  readonly redis: SimulatedRedis | undefined;
  readonly options: ResolvedSimulation;
  /** Each check asks the database. */
  readonly isStrict: boolean;
  /** Tokens are rotated by the clock, not by hand alone. */
  readonly rotates: boolean;
}
