import { SimulatedClients } from './simulated-clients.js';
import { SimulatedDatabase } from './simulated-database.js';
import { SimulatedHints } from './simulated-hints.js';
import { SimulatedInvariants } from './simulated-invariants.js';
import { SimulatedNode } from './simulated-node.js';
import { SimulatedRedis } from './simulated-shared-cache.js';
import type { SimulatedStep } from './simulated-schedule.js';
import type { SimulationReport } from './simulation-report.js';
import type { SimulatedSurroundings } from './simulated-surroundings.js';
import { SimulatedWorld } from './simulated-world.js';
import { type ResolvedSimulation, resolveSimulation, type SimulationOptions } from './simulation-options.js';

const MINUTE_MS = 60_000;
/** The longest pause between two tries of the tail or the touch buffer. */
const LONGEST_RETRY_MS = 5_000;

/**
 * A cluster in one process and on virtual time: the product's own nodes over a simulated database, network, hints and
 * clocks. It does what a schedule says, then heals, comes to rest, and is asked whether everybody knows the same.
 */
export class SimulatedCluster {
  readonly #world: SimulatedWorld;
  readonly #options: ResolvedSimulation;
  readonly #database: SimulatedDatabase;
  readonly #hints: SimulatedHints;
  readonly #redis: SimulatedRedis | undefined;
  readonly #surroundings: SimulatedSurroundings;
  readonly #invariants: SimulatedInvariants;
  readonly #clients: SimulatedClients;
  readonly #nodes: (SimulatedNode | undefined)[] = [];
  #lives = 0;
  #wrongUntil = 0;

  constructor(seed: number, options: SimulationOptions = {}) {
    this.#options = resolveSimulation(options);
    this.#world = new SimulatedWorld(seed);
    this.#database = new SimulatedDatabase(this.#world, (versions, jobs) => {
      this.#invariants.committed(versions, jobs);
    });
    this.#hints = new SimulatedHints(this.#world);
    const hasRedis = this.#options.sharedCache ?? this.#world.random.chance(0.5);
    this.#redis = hasRedis ? new SimulatedRedis(this.#world) : undefined;
    this.#surroundings = {
      world: this.#world,
      database: this.#database,
      hints: this.#hints,
      redis: this.#redis,
      options: this.#options,
      isStrict: this.#options.strict ?? this.#world.random.chance(0.1),
      rotates: this.#options.scheduledRotation ?? this.#world.random.chance(0.5),
    };
    this.#invariants = new SimulatedInvariants(this.#surroundings);
    this.#clients = new SimulatedClients(this.#world, this.#database, this.#invariants, this.#surroundings.rotates);
  }

  /** Runs a schedule to its end or to the first violation. To be called once. */
  async run(steps: readonly SimulatedStep[]): Promise<SimulationReport> {
    const isOver = (): boolean => this.#invariants.violations.length > 0;
    const { scheduler } = this.#world;
    for (let index = 0; index < this.#options.nodes; index += 1) this.#startNode(index);
    await scheduler.advance(100);
    for (let user = 0; user < this.#options.users; user += 1)
      this.#clients.signIn(this.#nodes[user % this.#nodes.length], user);
    await scheduler.advance(100);
    for (const step of steps) {
      await scheduler.advance(step.afterMs, isOver);
      if (isOver()) break;
      this.#perform(step);
    }
    if (!isOver()) await this.#rest(isOver);
    return {
      violations: this.#invariants.violations,
      trace: this.#world.trace.lines(),
      tasks: scheduler.ran,
      durationMs: this.#world.now,
      answers: this.#clients.answers,
    };
  }

  #perform(step: SimulatedStep): void {
    const index = step.node % this.#nodes.length;
    const node = this.#nodes[index];
    const clients = this.#clients;
    const session = clients.sessionAt(step.target);
    switch (step.action) {
      case 'sign in':
      case 'sign in pending':
        clients.signIn(node, step.target % this.#options.users, step.action === 'sign in pending');
        return;
      case 'suspend':
        if (session !== undefined) clients.suspend(node, session, step.forMs % 2 === 0);
        return;
      case 'resume':
        clients.resume(node, step.target);
        return;
      case 'complete':
        clients.complete(node, step.target);
        return;
      case 'check':
      case 'check strictly':
        clients.check(node, session, session?.tokens.at(-1), step.action === 'check strictly');
        return;
      case 'check with the previous token':
        clients.check(node, session, session?.tokens.at(-2));
        return;
      case 'check with a wrong secret':
        clients.check(node, session, session?.tokens.at(-1)?.replace(/.{4}$/, 'AAAA'));
        return;
      case 'revoke':
      case 'sign out':
        if (session !== undefined) clients.end(node, session, step.action);
        return;
      case 'rotate':
        if (session !== undefined) clients.rotate(node, session);
        return;
      case 'merge data':
      case 'set data':
        if (session !== undefined)
          clients.changeData(node, session, step.action === 'set data' ? 'set' : 'merge', step.forMs);
        return;
      case 'set user data':
        clients.changeUserData(node, step.target % this.#options.users);
        return;
      case 'start a job':
        clients.startJob(node, step.target % this.#options.users);
        return;
      case 'cancel a job':
        clients.cancelJob(node);
        return;
      case 'undo':
        clients.undo([node, this.#nodes[(index + 1) % this.#nodes.length]], step.target);
        return;
      case 'restore':
        clients.restore(node, step.target);
        return;
      case 'make a cut-off':
        clients.cutOff(node, step.target, this.#options.users);
        return;
      default:
        this.#harm(step, index, node);
    }
  }

  #harm({ action, forMs, target }: SimulatedStep, index: number, node: SimulatedNode | undefined): void {
    const world = this.#world;
    const who = /database|hints|cache|transactions/.test(action) ? 'world' : (node?.process.name ?? 'nobody');
    world.trace.note(who, `${action} (${forMs} ms)`);
    if (action === 'lose hints') this.#hints.disturb(forMs);
    else if (action === 'flush the shared cache') this.#redis?.flush();
    else if (action === 'disturb the shared cache') this.#redis?.disturb(forMs);
    else if (action === 'abort transactions') this.#database.abortTransactions(1 + (target % 5));
    else this.#wrong(forMs);
    switch (action) {
      case 'crash the database':
        if (!this.#database.isDown) this.#database.crash(Math.min(forMs, 2_000), false);
        return;
      case 'crash the database behind a pooler':
        // So short that nobody need notice.
        if (!this.#database.isDown) this.#database.crash(forMs / 100, true);
        return;
      case 'stall the shared cache':
        this.#redis?.stall(forMs);
        return;
      case 'stand still':
        node?.standStill(forMs);
        return;
      case 'sleep':
        node?.sleep(forMs);
        return;
      case 'crash':
        if (node !== undefined) this.#crash(node, index, forMs);
        return;
      case 'stop':
        if (node !== undefined) this.#stop(node, index, forMs);
        return;
      case 'step the clock':
        node?.stepClock((target - 6) * MINUTE_MS + forMs);
        return;
      case 'cut the log':
      case 'cut off':
        node?.log.cut(forMs, target % 2 === 0);
        if (action === 'cut off') node?.store.cut(forMs, target % 2 === 0);
        return;
      case 'cut the store':
        node?.store.cut(forMs, target % 2 === 0);
        return;
      case 'slow log':
        node?.log.slow(forMs);
        return;
      case 'slow store':
        node?.store.slow(forMs);
        return;
      default:
    }
  }

  #wrong(forMs: number): void {
    this.#world.disturb(forMs);
    this.#wrongUntil = Math.max(this.#wrongUntil, this.#world.now + forMs);
  }

  #startNode(index: number): void {
    this.#lives += 1;
    const skewMs = this.#world.random.between(-5, 5) * MINUTE_MS;
    const node = new SimulatedNode(`node${index + 1}.${this.#lives}`, skewMs, this.#surroundings);
    this.#nodes[index] = node;
    this.#world.trace.note(node.process.name, 'starts');
    void node.start();
  }

  #crash(node: SimulatedNode, index: number, forMs: number): void {
    node.process.isGone = true;
    this.#invariants.accesses.lifeEnded(node, this.#world.now - 2 * this.#options.times.syncIntervalMs, false);
    this.#restartLater(index, forMs);
  }

  #stop(node: SimulatedNode, index: number, forMs: number): void {
    const since = this.#world.now;
    this.#nodes[index] = undefined;
    void node.stop().then(() => {
      this.#world.trace.note(node.process.name, 'has stopped');
      node.process.isGone = true;
      this.#invariants.accesses.lifeEnded(node, since, true);
      this.#restartLater(index, forMs);
    });
  }

  #restartLater(index: number, afterMs: number): void {
    this.#nodes[index] = undefined;
    this.#wrong(afterMs);
    this.#world.scheduler.schedule(this.#world.outside, afterMs, () => {
      this.#startNode(index);
    });
  }

  /** Everything is mended; after a while without requests everybody has to know the same, and to say it. */
  async #rest(isOver: () => boolean): Promise<void> {
    const { scheduler, trace } = this.#world;
    const { maxStalenessMs, syncIntervalMs, storeDeadlineMs } = this.#options.times;
    await scheduler.advance(Math.max(0, this.#wrongUntil - this.#world.now), isOver);
    this.#hints.heal();
    this.#redis?.heal();
    for (const node of this.#nodes) node?.log.heal();
    for (const node of this.#nodes) node?.store.heal();
    trace.note('world', 'everything is mended');
    await scheduler.advance(Math.max(maxStalenessMs, syncIntervalMs) + storeDeadlineMs + LONGEST_RETRY_MS, isOver);
    if (isOver()) return;
    const nodes = this.#nodes.filter((node) => node !== undefined);
    trace.note('world', 'is at rest');
    this.#invariants.atRest(nodes);
    for (const session of this.#clients.sessions) {
      for (const node of nodes) this.#clients.check(node, session, session.tokens.at(-1));
    }
    await scheduler.advance(500, isOver);
  }
}
