import type { CutOffs } from '../../sync/cut-offs.js';
import type { KnownSessions } from '../../sync/known-sessions.js';
import type { NodeClock } from '../../sync/node-clock.js';
import type { TouchBuffer } from '../../sync/touch-buffer.js';
import { SimulatedKnowledge } from './simulated-knowledge.js';
import type { SimulatedLink } from './simulated-link.js';
import { SimulatedModule } from './simulated-module.js';
import { SimulatedRequests } from './simulated-requests.js';
import type { SimulatedProcess } from './simulated-scheduler.js';
import type { SimulatedSurroundings } from './simulated-surroundings.js';

/**
 * One life of a node: the product's own parts, wired as the module wires them, over simulated clocks, links and hints.
 * A crash is the end of its process; the next life begins with nothing.
 */
export class SimulatedNode {
  readonly process: SimulatedProcess;
  readonly clock: NodeClock;
  readonly log: SimulatedLink;
  readonly store: SimulatedLink;
  readonly touches: TouchBuffer;
  readonly known: KnownSessions;
  readonly cutOffs: CutOffs;
  readonly requests: SimulatedRequests;
  /** Answers requests. */
  isServing = false;
  readonly #knowledge: SimulatedKnowledge;
  readonly #module: SimulatedModule;

  constructor(
    name: string,
    skewMs: number,
    private readonly surroundings: SimulatedSurroundings,
  ) {
    const knowledge = (this.#knowledge = new SimulatedKnowledge(name, skewMs, surroundings));
    this.process = knowledge.process;
    this.clock = knowledge.clock;
    this.log = knowledge.log;
    this.store = knowledge.store;
    this.touches = knowledge.touches;
    this.known = knowledge.known;
    this.cutOffs = knowledge.cutOffs;
    this.#module = new SimulatedModule(knowledge, surroundings);
    this.requests = new SimulatedRequests(knowledge, this.#module, surroundings);
    surroundings.hints.listen(this.process, () => {
      knowledge.tail.wake();
    });
  }

  /** Asks the database for its time until it answers, then follows the log and serves. */
  async start(): Promise<void> {
    for (;;) {
      const asked = this.known.moment();
      const now = await this.#knowledge.sessions.now().catch(() => undefined);
      if (now !== undefined) {
        this.clock.observe(now, asked.begunAt, asked.begunAtWall);
        await this.#knowledge.tail.start();
        this.#module.jobs.start();
        this.isServing = true;
        return;
      }
      await this.surroundings.world.scheduler.pause(this.process, 500);
    }
  }

  /** As on SIGTERM: writes what is buffered, then the process ends. */
  async stop(): Promise<void> {
    this.isServing = false;
    await Promise.all([this.touches.flushAll(), this.#module.jobs.stop()]);
    await this.#knowledge.tail.stop();
    await this.touches.stop();
  }

  /** The machine sleeps: nothing runs, and the monotonic clock stands still. */
  sleep(forMs: number): void {
    this.#knowledge.clocks.sleep(forMs);
    this.standStill(forMs);
  }

  /** Nothing of it runs for so long, at least. */
  standStill(forMs: number): void {
    this.process.standsStillUntil = Math.max(this.process.standsStillUntil, this.surroundings.world.now + forMs);
  }

  /** Somebody sets the wall clock. */
  stepClock(ms: number): void {
    this.#knowledge.clocks.step(ms);
  }

  get isStrict(): boolean {
    return this.surroundings.isStrict;
  }
}
