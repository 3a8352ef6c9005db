import { ADMINISTRATOR } from '../cluster/cluster.js';
import type { ClusterNode } from '../cluster/node.js';
import { pause } from '../cluster/pause.js';
import type { Random } from '../random.js';
import { AdminSteps } from './admin-steps.js';
import type { Client } from './client.js';
import { type HeldToken, Person } from './people.js';
import { SessionSteps } from './session-steps.js';

const DEVICE_TYPES = ['web', 'mobile'];
const PASSWORD = 'the first password';

/** Requests in a hundred. What is left of the hundred is checks of a live session. */
const SHARES = {
  signIn: 4,
  signInOver: 1,
  meDead: 16,
  meReplaced: 0.6,
  list: 3,
  signOut: 1,
  endOwn: 1,
  endOwnOthers: 0.6,
  password: 0.6,
  adminEnd: 1,
  adminEndUser: 0.5,
  adminBulk: 0.5,
  adminCutOff: 0.3,
} as const;

type Step = keyof typeof SHARES | 'me';

const THINK_MS: readonly [number, number] = [10, 50];

/** Several people with many devices each, and an administrator, all at once on all nodes. */
export class Workload {
  readonly people: Person[] = [];
  readonly administrator = new Person(ADMINISTRATOR.email, ADMINISTRATOR.password, 'admin');
  readonly admin: AdminSteps;
  readonly own: SessionSteps;
  #isRunning = false;
  #workers: Promise<void>[] = [];

  constructor(private readonly client: Client) {
    this.own = new SessionSteps(client);
    this.admin = new AdminSteps(client);
  }

  /** Everybody gets an account; nothing has gone wrong yet. */
  async prepare(users: number, node: ClusterNode): Promise<void> {
    for (let number = 1; number <= users; number += 1) {
      const person = new Person(`user-${number}@example.com`, PASSWORD);
      if (!(await this.own.signUp(node, person))) throw new Error(`${person.email} could not sign up.`);
      this.people.push(person);
    }
    await this.#signedIn(node, this.administrator);
  }

  /** Makes an account that may do what an administrator does. */
  async makeAdministrator(node: ClusterNode, person: Person): Promise<void> {
    const token = this.administrator.live.values().next().value ?? (await this.#signedIn(node, this.administrator));
    const body = { email: person.email, password: person.passwords[0], role: 'admin' };
    const { answer } = await this.client.call(node, {
      kind: 'admin-account',
      person: this.administrator,
      token,
      request: { method: 'POST', path: '/admin/accounts', body },
    });
    if (answer?.status !== 201) throw new Error(`${person.email} was not made an administrator.`);
    person.id = answer.body.userId as string;
  }

  start(workers: number, random: Random): void {
    this.#isRunning = true;
    this.#workers = Array.from({ length: workers }, (_, number) => this.#work(random.fork(`worker ${number}`)));
  }

  /** Resolves when the last request has its answer. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#workers);
  }

  async #work(random: Random): Promise<void> {
    while (this.#isRunning) {
      // Drawn in any case, so that what one worker decides does not depend on how the others fare.
      const person = random.pick(this.people);
      const step = draw(random);
      const node = this.client.anyNode(random);
      if (node !== undefined) await this.#do(step, person, node, random);
      await pause(random.between(...THINK_MS));
    }
  }

  async #do(step: Step, person: Person, node: ClusterNode, random: Random): Promise<void> {
    const { own, admin } = this;
    if (step === 'signIn' || person.live.size === 0) {
      await this.#signedIn(node, person, random);
      return;
    }
    const token = random.pick([...person.live.values()]);
    switch (step) {
      case 'signInOver':
        await this.#signedIn(node, person, random, token);
        return;
      case 'me':
        await own.me(node, person, token);
        return;
      case 'meDead':
        // Mostly those that have just ended.
        await own.me(node, person, random.pick(person.dead.slice(random.chance(0.7) ? -4 : 0).concat(token)));
        return;
      case 'meReplaced':
        await own.me(node, person, random.pick(person.replaced.concat(token)));
        return;
      case 'list':
        await own.list(node, person, token);
        return;
      case 'signOut':
        await own.signOut(node, person, token);
        return;
      case 'endOwn':
        await own.endOwn(node, person, token, random.pick([...person.live.keys()]));
        return;
      case 'endOwnOthers':
        await own.endOwnOthers(node, person, token);
        return;
      case 'password':
        await own.changePassword(node, person, token);
        return;
      default: {
        const held = this.administrator.live.values().next().value ?? (await this.#signedIn(node, this.administrator));
        if (held === undefined) return;
        if (step === 'adminEnd') await admin.end(node, this.administrator, held, person, token.session);
        if (step === 'adminEndUser') await admin.endUser(node, this.administrator, held, person);
        if (step === 'adminBulk') await admin.bulk(node, this.administrator, held, person);
        if (step === 'adminCutOff') await admin.cutOff(node, this.administrator, held, person);
      }
    }
  }

  #signedIn(node: ClusterNode, person: Person, random?: Random, over?: HeldToken): Promise<HeldToken | undefined> {
    const transport = random?.chance(0.5) === true ? 'cookie' : 'bearer';
    return this.own.signIn(node, person, {
      transport: over?.transport ?? transport,
      deviceType: random?.pick(DEVICE_TYPES) ?? 'other',
      over,
    });
  }
}

function draw(random: Random): Step {
  let at = random.between(0, 100);
  for (const [step, share] of Object.entries(SHARES)) {
    at -= share;
    if (at < 0) return step as Step;
  }
  return 'me';
}
