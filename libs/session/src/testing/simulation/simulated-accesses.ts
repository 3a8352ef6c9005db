import { clockTolerance } from './clock-tolerance.js';
import { SIMULATED_EPOCH_MS } from './simulated-clocks.js';
import type { CommittedVersion } from './simulated-database.js';
import { nameOf, type SimulatedHistory } from './simulated-history.js';
import type { SimulatedNode } from './simulated-node.js';
import type { SimulatedProcess } from './simulated-scheduler.js';
import type { SimulatedSurroundings } from './simulated-surroundings.js';

/** With network and database in order, a load is answered within this. */
const LOAD_MS = 100;
/** What a write takes, and what a flush may come early because it is shared. */
export const FLUSH_TOLERANCE_MS = 600;

interface SimulatedAccess {
  /** On the database's clock, at the earliest. */
  readonly at: number;
  readonly trueAt: number;
}

/** What was promised of accesses: written in time, no more often than needed, and not lost. */
export class SimulatedAccesses {
  /** The latest admitted access by session and life of a node. */
  readonly #accesses = new Map<string, Map<SimulatedProcess, SimulatedAccess>>();
  /** The latest admitted access of a session anywhere, on the true clock. */
  readonly #latestUse = new Map<string, number>();
  readonly #lastWrite = new Map<string, number>();
  /** Sessions whose accesses were written because somebody was about to end them. */
  readonly flushedEarly = new Set<string>();

  constructor(
    private readonly surroundings: SimulatedSurroundings,
    private readonly history: SimulatedHistory,
    private readonly violated: (promise: string, what: string) => void,
  ) {}

  /** The latest of each life of a node. */
  of(id: string): Iterable<SimulatedAccess> {
    return this.#accesses.get(id)?.values() ?? [];
  }

  latestOn(node: SimulatedNode, id: string): SimulatedAccess | undefined {
    return this.#accesses.get(id)?.get(node.process);
  }

  /** On the true clock; 0 for none. */
  latestUse(id: string): number {
    return this.#latestUse.get(id) ?? 0;
  }

  note(id: string, node: SimulatedNode, trueAt: number): void {
    const access = { at: Math.floor(SIMULATED_EPOCH_MS + trueAt - clockTolerance(this.surroundings, trueAt)), trueAt };
    this.#latestUse.set(id, Math.max(trueAt, this.#latestUse.get(id) ?? 0));
    // A sign-in since its sleep is all that this node has heard of the database: its time is late, and says nothing.
    if (node.clock.now() < (this.history.versions(id)[0]?.record.createdAt ?? 0)) return;
    const byLife = this.#accesses.get(id);
    if (byLife === undefined) this.#accesses.set(id, new Map([[node.process, access]]));
    else byLife.set(node.process, access);
  }

  committed({ record, by, at }: CommittedVersion): void {
    const { world, redis, isStrict, options } = this.surroundings;
    const key = `${by} ${record.id}`;
    const last = this.#lastWrite.get(key);
    this.#lastWrite.set(key, at);
    if (last === undefined || this.flushedEarly.has(record.id) || !world.isCalmSince(last)) return;
    // What another node has told of a session, or a load that began before, may lack what was written since; then it is
    // written once too often.
    if (redis !== undefined || isStrict || this.history.hasChanged(record.id, last - LOAD_MS)) return;
    const apart = at - last;
    if (apart < options.times.syncIntervalMs - FLUSH_TOLERANCE_MS) {
      this.violated('P4', `${by} writes ${nameOf(record)} twice within ${apart.toFixed(0)} ms`);
    }
  }

  /** A node has ended: orderly with everything written, or by a crash, which may cost one sync interval of accesses. */
  lifeEnded(node: SimulatedNode, since: number, isOrderly: boolean): void {
    const { world, database, options } = this.surroundings;
    const oldest = isOrderly ? world.now : world.now - options.times.syncIntervalMs - FLUSH_TOLERANCE_MS;
    for (const [id, byLife] of this.#accesses) {
      const access = byLife.get(node.process);
      // A life that is over has nothing left to write.
      byLife.delete(node.process);
      const record = database.rows.get(id);
      if (access === undefined || record === undefined || !this.history.lives(record)) continue;
      if (access.trueAt <= oldest && record.lastAccessedAt < access.at && world.isCalmSince(since)) {
        this.violated('P4', `${node.process.name} has lost an access of ${nameOf(record)}`);
      }
    }
  }
}
