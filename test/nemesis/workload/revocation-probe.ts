import type { Cluster } from '../cluster/cluster.js';
import type { ClusterNode } from '../cluster/node.js';
import { pause } from '../cluster/pause.js';
import { succeeded } from '../history.js';
import type { Random } from '../random.js';
import type { AdminSteps } from './admin-steps.js';
import { type HeldToken, Person } from './people.js';
import { Probe } from './probe.js';
import type { SessionSteps } from './session-steps.js';

/** How long a node still admitted a session after its end had been acknowledged by another. */
export interface RevocationLatency {
  readonly at: number;
  readonly node: string;
  readonly latencyMs: number;
}

const PASSWORD = 'the password of the probe';
const BETWEEN_ASKING_MS = 5;
/** A node that is being started again. */
const BETWEEN_LOST_MS = 250;
const GIVE_UP_MS = 20_000;

/** Ends one session after the other and looks how long the other nodes admit it. */
export class RevocationProbe extends Probe {
  protected readonly betweenMs = [100, 300] as const;
  readonly latencies: RevocationLatency[] = [];
  readonly #person = new Person('probe@example.com', PASSWORD);
  readonly #administrator = new Person('probe-admin@example.com', PASSWORD, 'admin');

  constructor(
    private readonly cluster: Cluster,
    private readonly own: SessionSteps,
    private readonly admin: AdminSteps,
  ) {
    super();
  }

  /** The people whose sessions it uses; their tokens are known like those of everybody else. */
  get people(): readonly Person[] {
    return [this.#person, this.#administrator];
  }

  /** `makeAdministrator` gives an account the right to end what belongs to others. */
  async prepare(node: ClusterNode, makeAdministrator: (person: Person) => Promise<void>): Promise<void> {
    if (!(await this.own.signUp(node, this.#person))) throw new Error('The probe could not sign up.');
    await makeAdministrator(this.#administrator);
  }

  protected async once(random: Random): Promise<void> {
    const present = this.cluster.nodes.filter((node) => node.isRunning);
    const [ending, ...others] = random.shuffled(present);
    const byAdministrator = random.chance(0.5);
    if (ending === undefined) return;
    const options = { transport: 'bearer', deviceType: 'desktop' } as const;
    const token = await this.own.signIn(ending, this.#person, options);
    if (token === undefined) return;
    // Nodes that do not answer now would keep it waiting; they are not asked.
    const asked = await Promise.all(others.map((node) => this.#knows(node, token)));
    const acknowledged = byAdministrator ? await this.#end(ending, token) : await this.#signOut(ending, token);
    if (acknowledged === undefined) return;
    await Promise.all(others.filter((_, at) => asked[at]).map((node) => this.#watch(node, token, acknowledged)));
  }

  async #knows(node: ClusterNode, token: HeldToken): Promise<boolean> {
    return Promise.race([
      this.own.me(node, this.#person, token).then(({ operation }) => succeeded(operation)),
      pause(1_000).then(() => false),
    ]);
  }

  async #signOut(node: ClusterNode, token: HeldToken): Promise<number | undefined> {
    const { operation } = await this.own.signOut(node, this.#person, token);
    return succeeded(operation) ? operation.ended : undefined;
  }

  async #end(node: ClusterNode, token: HeldToken): Promise<number | undefined> {
    const held =
      this.#administrator.live.values().next().value ??
      (await this.own.signIn(node, this.#administrator, { transport: 'bearer', deviceType: 'other' }));
    if (held === undefined) return undefined;
    const { operation } = await this.admin.end(node, this.#administrator, held, this.#person, token.session);
    return succeeded(operation) ? operation.ended : undefined;
  }

  /** Asks until it is refused. What is unavailable meanwhile admits nobody. */
  async #watch(node: ClusterNode, token: HeldToken, acknowledged: number): Promise<void> {
    let admittedAt = acknowledged;
    for (;;) {
      const { operation } = await this.own.me(node, this.#person, token);
      if (succeeded(operation)) admittedAt = Math.max(admittedAt, operation.begun);
      const isRefused = operation.outcome.kind === 'answered' && operation.outcome.status === 401;
      if (isRefused || !this.isRunning || operation.ended > acknowledged + GIVE_UP_MS) break;
      await pause(operation.outcome.kind === 'lost' ? BETWEEN_LOST_MS : BETWEEN_ASKING_MS);
    }
    this.latencies.push({ at: acknowledged, node: node.name, latencyMs: admittedAt - acknowledged });
  }
}
