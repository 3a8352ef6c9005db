import { runNow } from '../clock.js';
import type { Cluster } from '../cluster/cluster.js';
import { pause } from '../cluster/pause.js';
import type { FaultRecord } from '../evidence.js';
import type { Random } from '../random.js';
import type { Settings } from '../settings.js';
import { DATABASE_FAULTS } from './database-faults.js';
import type { AppliedFault, Fault } from './fault.js';
import { NETWORK_FAULTS } from './network-faults.js';
import { NODE_FAULTS } from './node-faults.js';
import { REDIS_FAULTS } from './redis-faults.js';

const HOLD_MS: readonly [number, number] = [800, 6_000];
const CALM_MS: readonly [number, number] = [300, 2_000];
const TWO_AT_ONCE = 0.3;

/** Applies one fault after the other, sometimes two at once, and waits between them until all nodes are healthy. */
export class Nemesis {
  readonly records: FaultRecord[] = [];
  readonly #faults: readonly Fault[];
  #bag: Fault[] = [];

  constructor(
    private readonly cluster: Cluster,
    private readonly settings: Settings,
    private readonly random: Random,
    private readonly log: (line: string) => void,
  ) {
    const { onlyFaults } = settings;
    const all = [...NODE_FAULTS, ...DATABASE_FAULTS, ...NETWORK_FAULTS];
    if (cluster.redis !== undefined) all.push(...REDIS_FAULTS);
    this.#faults = onlyFaults === null ? all : all.filter((fault) => onlyFaults.includes(fault.name));
    if (this.#faults.length === 0) throw new Error(`--faults knows: ${all.map((fault) => fault.name).join(', ')}.`);
  }

  /** Resolves behind the last fault, at the earliest at `until`; everything is healed then. */
  async run(until: number): Promise<void> {
    while (runNow() < until) {
      await pause(this.random.between(...CALM_MS));
      const first = this.#draw();
      const second = this.random.chance(TWO_AT_ONCE) ? this.#draw(first) : undefined;
      await Promise.all([first, second].filter((fault) => fault !== undefined).map((fault) => this.#apply(fault)));
      await this.#recover();
    }
  }

  /** Each fault once before any comes again, so that a short run has seen most of them. */
  #draw(beside?: Fault): Fault | undefined {
    if (this.#bag.length === 0) this.#bag = this.random.shuffled(this.#faults);
    const at = this.#bag.findIndex((fault) => fault.concerns !== beside?.concerns);
    return at < 0 ? undefined : this.#bag.splice(at, 1)[0];
  }

  async #apply(fault: Fault): Promise<void> {
    // Drawn first: what is decided must not depend on what happens.
    const holdMs = Math.min(this.random.between(...HOLD_MS), fault.longestMs ?? Number.POSITIVE_INFINITY);
    const begun = runNow();
    let applied: AppliedFault | undefined;
    for (let attempt = 1; applied === undefined; attempt += 1) {
      try {
        applied = await fault.apply(this.cluster, this.random);
      } catch (error) {
        // Two faults at once can be in each other's way, like a statement and a database that has just been stopped.
        if (attempt === 1) this.log(`  ${fault.name}: not possible now (${String(error)})`);
        if (attempt === 3) return;
        await pause(500);
      }
    }
    const record: FaultRecord = {
      name: fault.name,
      concerns: fault.concerns,
      node: applied.node,
      begun,
      healed: Number.POSITIVE_INFINITY,
      recovered: null,
    };
    this.records.push(record);
    this.log(`${fault.name}${applied.node === null ? '' : ` (${applied.node})`} for ${Math.round(holdMs)} ms`);
    await pause(holdMs);
    await this.#heal(fault, applied);
    record.healed = runNow();
  }

  async #heal(fault: Fault, applied: AppliedFault): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await applied.heal();
        return;
      } catch (error) {
        if (attempt === 10) throw new Error(`${fault.name} could not be healed`, { cause: error });
        this.log(`  ${fault.name}: not healed yet (${String(error).slice(0, 300)})`);
        await pause(500);
      }
    }
  }

  async #recover(): Promise<void> {
    await this.cluster.restartFallen(this.log);
    if (!(await this.cluster.recovers(this.settings.recoverWithinMs))) {
      for (const node of this.cluster.nodes)
        this.log(`  not healthy in time; node ${node.name}: ${await node.health()}`);
      return;
    }
    const now = runNow();
    for (const record of this.records) {
      if (record.recovered === null && Number.isFinite(record.healed)) record.recovered = now;
    }
  }
}
