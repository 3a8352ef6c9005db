import { ADMINISTRATOR } from '../cluster/cluster.js';
import type { ClusterNode } from '../cluster/node.js';
import { pause } from '../cluster/pause.js';
import type { Random } from '../random.js';
import { AdminSteps } from './admin-steps.js';
import type { Client } from './client.js';
import { DataSteps } from './data-steps.js';
import { JobSteps } from './job-steps.js';
import { type HeldToken, Person } from './people.js';
import { SessionSteps } from './session-steps.js';
import { SuspensionSteps } from './suspension-steps.js';
import { UndoSteps } from './undo-steps.js';

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
  adminJob: 0.4,
  suspension: 1.6,
  undo: 1.6,
  dataRead: 5,
  dataMerge: 1.5,
  dataSet: 1,
  dataBurst: 1.2,
  userData: 0.5,
} as const;

type Step = keyof typeof SHARES | 'me';

const THINK_MS: readonly [number, number] = [10, 50];
const ASK_AGAIN_MS: readonly [number, number] = [20, 200];
const AFTER_RESUMING = 5;
const AT_ONCE = 4;
const CLAIMS = 3;
const RESUME_ATTEMPTS = 4;
const JOB_ASKED_TIMES = 40;

/** Several people with many devices each, and an administrator, all at once on all nodes. */
export class Workload {
  readonly people: Person[] = [];
  readonly administrator = new Person(ADMINISTRATOR.email, ADMINISTRATOR.password, 'admin');
  readonly admin: AdminSteps;
  readonly own: SessionSteps;
  readonly jobs: JobSteps;
  readonly #data: DataSteps;
  readonly #suspension: SuspensionSteps;
  readonly #undo: UndoSteps;
  #isRunning = false;
  #workers: Promise<void>[] = [];

  constructor(private readonly client: Client) {
    this.own = new SessionSteps(client);
    this.admin = new AdminSteps(client);
    this.jobs = new JobSteps(client);
    this.#data = new DataSteps(client);
    this.#suspension = new SuspensionSteps(client);
    this.#undo = new UndoSteps(client);
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
      case 'dataRead':
        await this.#data.read(node, person, token);
        return;
      case 'dataMerge':
        await this.#data.merge(node, person, token, random);
        return;
      case 'dataSet':
        await this.#data.set(node, person, token);
        return;
      case 'dataBurst':
        await this.#changedByMany(person, token, random);
        return;
      case 'userData':
        await this.#data.setUserData(node, person, token);
        return;
      case 'suspension':
        await this.#suspended(node, person, token, random);
        return;
      case 'undo':
        await this.#undone(node, person, token, random);
        return;
      default: {
        const held = await this.#heldByAdministrator(node);
        if (held === undefined) return;
        if (step === 'adminJob') await this.#revokedByJob(node, held, person, random);
        if (step === 'adminEnd') await admin.end(node, this.administrator, held, person, token.session);
        if (step === 'adminEndUser') await admin.endUser(node, this.administrator, held, person);
        if (step === 'adminBulk') await admin.bulk(node, this.administrator, held, person);
        if (step === 'adminCutOff') await admin.cutOff(node, this.administrator, held, person);
      }
    }
  }

  async #heldByAdministrator(node: ClusterNode): Promise<HeldToken | undefined> {
    return this.administrator.live.values().next().value ?? (await this.#signedIn(node, this.administrator));
  }

  /** Suspended, asked for on other nodes, and resumed; what fails is tried again, and is left after a while. */
  async #suspended(node: ClusterNode, person: Person, token: HeldToken, random: Random): Promise<void> {
    const freesSlot = random.chance(0.4);
    const held = await this.#heldByAdministrator(node);
    if (held === undefined) return;
    await this.#suspension.suspend(node, this.administrator, held, token.session, { freesSlot });
    await this.#ask(person, token, random, Math.floor(random.between(2, 30)));
    for (let attempt = 1; attempt <= RESUME_ATTEMPTS; attempt += 1) {
      const other = this.client.anyNode(random) ?? node;
      const now = await this.#heldByAdministrator(other);
      const done = now && (await this.#suspension.resume(other, this.administrator, now, token.session));
      if (done?.answer !== undefined && done.answer.status < 500 && done.answer.status !== 401) break;
      await pause(random.between(...THINK_MS));
    }
    await this.#ask(person, person.newest.get(token.session) ?? token, random, AFTER_RESUMING);
  }

  /** The same session, from several nodes at once. */
  async #changedByMany(person: Person, token: HeldToken, random: Random): Promise<void> {
    const change = async (): Promise<void> => {
      const node = this.client.anyNode(random);
      if (node === undefined) return;
      await (random.chance(0.6) ? this.#data.merge(node, person, token, random) : this.#data.set(node, person, token));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, change));
  }

  /** Revoked, sometimes something else meanwhile, undone, and claimed by several at once; sometimes without a permit. */
  async #undone(node: ClusterNode, person: Person, token: HeldToken, random: Random): Promise<void> {
    const [isPermitted, isPermittedTwice] = [random.chance(0.9), random.chance(0.3)];
    const end = await this.#asAdministrator(node, (admin, held) =>
      this.admin.end(node, admin, held, person, token.session),
    );
    if (end === undefined || end.answer === undefined) return;
    for (let time = 0; time < Number(isPermitted) + Number(isPermittedTwice); time += 1) {
      const other = this.client.anyNode(random) ?? node;
      await this.#asAdministrator(other, (admin, held) => this.#undo.undo(other, admin, held, token.session));
    }
    const newest = person.newest.get(token.session) ?? token;
    const claims = Array.from({ length: CLAIMS }, () => this.client.anyNode(random) ?? node);
    await Promise.all(claims.map((other) => this.#undo.restore(other, person, newest)));
    await this.#ask(person, newest, random, CLAIMS);
  }

  async #asAdministrator<T>(
    node: ClusterNode,
    work: (admin: Person, held: HeldToken) => Promise<T>,
  ): Promise<T | undefined> {
    const held = await this.#heldByAdministrator(node);
    return held && work(this.administrator, held);
  }

  async #ask(person: Person, token: HeldToken, random: Random, times: number): Promise<void> {
    for (let time = 1; time <= times; time += 1) {
      const node = this.client.anyNode(random);
      if (node !== undefined) await this.own.me(node, person, person.newest.get(token.session) ?? token);
      await pause(random.between(...ASK_AGAIN_MS));
    }
  }

  async #revokedByJob(node: ClusterNode, held: HeldToken, person: Person, random: Random): Promise<void> {
    const sessions = [...person.live.keys()];
    const job = await this.jobs.start(node, this.administrator, held, { userId: person.id });
    if (job === undefined) return;
    for (let time = 1; time <= JOB_ASKED_TIMES; time += 1) {
      const other = this.client.anyNode(random) ?? node;
      const now = await this.#heldByAdministrator(other);
      if (now !== undefined && (await this.jobs.isOver(other, this.administrator, now, job))) {
        for (const session of sessions) person.release(session);
        return;
      }
      await pause(random.between(...ASK_AGAIN_MS));
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
