import type { JobPace } from '../../nest/jobs/job-pace.js';
import { SessionJobWorker } from '../../nest/jobs/session-job-worker.js';
import type { LogFollower } from '../../nest/module/log-follower.js';
import { LogLeaseHolder } from '../../nest/module/log-lease-holder.js';
import type { ResolvedOptions } from '../../nest/options/resolved-options.js';
import type { SessionWriter } from '../../nest/sign-in/session-writer.js';
import type { SessionStore } from '../../store/session-store.js';
import type { NodeClock } from '../../sync/node-clock.js';
import type { SimulatedClocks } from './simulated-clocks.js';
import type { SimulatedDatabase } from './simulated-database.js';
import type { SimulatedProcess } from './simulated-scheduler.js';
import type { SimulatedWorld } from './simulated-world.js';

const TAKE_OVER_AFTER_MS = 3_000;

export interface SimulatedMachine {
  readonly world: SimulatedWorld;
  readonly database: SimulatedDatabase;
  readonly process: SimulatedProcess;
  readonly clocks: SimulatedClocks;
}

/** It works on simulated clocks, on pages of one session. While there is nothing to do it is not there. */
export class SimulatedJobWorker extends SessionJobWorker {
  // The trace tells more.
  protected override readonly logger = { debug: ignore, warn: ignore, error: ignore };
  protected override readonly pageSize = 1;
  #claims = 0;

  constructor(
    private readonly machine: SimulatedMachine,
    store: SessionStore,
    writer: SessionWriter,
    clock: NodeClock,
  ) {
    const jobs = { enabled: true, secondApprover: false, approvalWithinMs: 0, takeOverAfterMs: TAKE_OVER_AFTER_MS };
    const options = {
      jobs,
      nodeName: machine.process.name,
      cleanup: {},
      suspension: { slot: 'keep' },
      undo: { windowMs: 0 },
    };
    const unused = undefined as unknown as LogFollower;
    super(options as unknown as ResolvedOptions, store, writer, clock, unused, new LogLeaseHolder());
  }

  override wake(): void {
    const isNeeded = [...this.machine.database.jobs.values()].some(({ status }) => status === 'running');
    if (isNeeded) super.wake();
  }

  protected override every(ms: number, task: () => void): () => void {
    let cancel: () => void = ignore;
    const again = (): void => {
      cancel = this.machine.clocks.timer(() => {
        task();
        again();
      }, ms);
    };
    again();
    return () => {
      cancel();
    };
  }

  protected override within<T>(_ms: number, work: Promise<T>): Promise<T> {
    return work;
  }

  protected override monotonic(): number {
    return this.machine.clocks.monotonic();
  }

  /** Not the world's: whoever has no jobs must not notice. */
  protected override random(): number {
    return this.machine.clocks.monotonic() % 1;
  }

  protected override newClaim(): string {
    this.#claims += 1;
    return `${this.machine.process.name} ${this.#claims}`;
  }

  protected override makePace(): Pick<JobPace, 'afterPage'> {
    const { world, process } = this.machine;
    return { afterPage: () => world.scheduler.pause(process, world.random.between(5, 100)) };
  }
}

function ignore(): void {
  // Nothing to do.
}
