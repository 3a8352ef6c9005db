import { runNow } from '../clock.js';
import type { Cluster } from '../cluster/cluster.js';
import type { ClusterNode } from '../cluster/node.js';
import { pause } from '../cluster/pause.js';
import type { Random } from '../random.js';
import { makeHerd } from './herds.js';
import type { AskedJob, JobSteps } from './job-steps.js';
import { type HeldToken, Person } from './people.js';
import { Probe } from './probe.js';
import type { SessionSteps } from './session-steps.js';

const PASSWORD = 'the password of the bulk probe';
const GIVE_UP_MS = 25_000;
const BETWEEN_ASKING_MS = 250;
/** Of those that nobody asks to revoke. */
const FEW = 40;

/** Revokes one herd of sessions after the other by jobs, sometimes by two at once, and cancels some of them. */
export class BulkProbe extends Probe {
  protected readonly betweenMs = [3_000, 6_000] as const;
  readonly #administrator = new Person('bulk-admin@example.com', PASSWORD, 'admin');
  #herds = 0;

  constructor(
    private readonly cluster: Cluster,
    private readonly own: SessionSteps,
    private readonly jobs: JobSteps,
  ) {
    super();
  }

  get people(): readonly Person[] {
    return [this.#administrator];
  }

  async prepare(makeAdministrator: (person: Person) => Promise<void>): Promise<void> {
    await makeAdministrator(this.#administrator);
  }

  protected async once(random: Random): Promise<void> {
    const herd = `herd-${(this.#herds += 1)}`;
    const [asksTwice, cancels, comesLate] = [random.chance(0.3), random.chance(0.2), random.chance(0.5)];
    try {
      await makeHerd(this.cluster.database, herd);
      await makeHerd(this.cluster.database, `${herd}-others`, FEW);
    } catch {
      // The database is away.
      return;
    }
    const asked = [await this.#start(random, herd)];
    if (comesLate) await makeHerd(this.cluster.database, herd, FEW).catch(() => undefined);
    if (asksTwice) asked.push(await this.#start(random, herd));
    const [first] = asked;
    if (cancels && first !== undefined) await this.#with(random, (...who) => this.jobs.cancel(...who, first));
    const until = runNow() + GIVE_UP_MS;
    for (const job of asked) if (job !== undefined) await this.#follow(random, job, until);
  }

  #start(random: Random, clientId: string): Promise<AskedJob | undefined> {
    return this.#with(random, (...who) => this.jobs.start(...who, { clientId }));
  }

  async #follow(random: Random, job: AskedJob, until: number): Promise<void> {
    while (this.isRunning && runNow() < until) {
      if ((await this.#with(random, (...who) => this.jobs.isOver(...who, job))) === true) return;
      await pause(BETWEEN_ASKING_MS);
    }
  }

  /** On a node that runs; `undefined` where there is none, or the administrator cannot sign in there. */
  async #with<T>(
    random: Random,
    work: (node: ClusterNode, admin: Person, token: HeldToken) => Promise<T>,
  ): Promise<T | undefined> {
    const node = random.shuffled(this.cluster.nodes).find(({ isRunning }) => isRunning);
    if (node === undefined) return undefined;
    const admin = this.#administrator;
    const token =
      admin.live.values().next().value ??
      (await this.own.signIn(node, admin, { transport: 'bearer', deviceType: 'other' }));
    return token && work(node, admin, token);
  }
}
