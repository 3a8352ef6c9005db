import { runNow } from '../clock.js';
import type { Cluster } from '../cluster/cluster.js';
import type { ClusterNode } from '../cluster/node.js';
import { pause } from '../cluster/pause.js';
import type { Random } from '../random.js';
import { type CountedNode, type SocketCensus, type SocketHistory, sumOf } from '../socket-history.js';
import type { Client } from './client.js';
import { type HeldToken, Person } from './people.js';
import type { SessionSteps } from './session-steps.js';
import { type OpenSocket, type SocketClient, textFor } from './socket-client.js';

const PASSWORD = 'the password of the messenger';
const MESSENGERS = 2;
const THINK_MS: readonly [number, number] = [50, 400];
const STAY_MS: readonly [number, number] = [1_000, 20_000];
const ASK_EVERY_MS: readonly [number, number] = [200, 1_500];
const MESSAGE_EVERY_MS: readonly [number, number] = [50, 250];
/** Connections in a hundred that are tried with a token that should not do any more. */
const DEAD_SHARE = 0.15;
/** Devices in a hundred that only listen: whoever asks is told of the end of a session by the answer, too. */
const SILENT_SHARE = 0.6;
/** More than this wait at no node. */
const MOST_WAITING = 5;
/** Nodes tell how many connections they have every ten seconds. */
const COUNTED_WITHIN_MS = 25_000;
const COUNT_EVERY_MS = 500;

/** People's devices, connected to any node for a while each, and an administrator who writes to them. */
export class SocketCrowd {
  readonly #administrator = new Person('messenger@example.com', PASSWORD, 'admin');
  readonly #waiting = new Map<ClusterNode, number>();
  readonly #open = new Set<OpenSocket>();
  #isRunning = false;
  #running: Promise<void>[] = [];
  #stop: () => void = () => undefined;
  #stopped: Promise<void> = Promise.resolve();

  constructor(
    private readonly ports: {
      readonly cluster: Cluster;
      readonly client: Client;
      readonly own: SessionSteps;
      readonly people: readonly Person[];
      readonly sockets: SocketClient;
      readonly history: SocketHistory;
    },
  ) {}

  /** Whose sessions it uses beside those of the workload. */
  get people(): readonly Person[] {
    return [this.#administrator];
  }

  /** `makeAdministrator` gives an account the right to write to others. */
  async prepare(makeAdministrator: (person: Person) => Promise<void>): Promise<void> {
    await makeAdministrator(this.#administrator);
  }

  start(devices: number, random: Random): void {
    this.#isRunning = true;
    this.#stopped = new Promise((resolve) => (this.#stop = resolve));
    this.#running = [
      ...Array.from({ length: devices }, (_, number) => this.#live(random.fork(`device ${number}`))),
      ...Array.from({ length: MESSENGERS }, (_, number) => this.#write(random.fork(`messenger ${number}`))),
    ];
  }

  /** Nobody connects, asks or writes any more; who is connected stays. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#stop();
    await Promise.all(this.#running);
  }

  /** Connects a device of everybody to every node, so that there is something to count. */
  async gather(): Promise<void> {
    const { cluster, own, people, sockets } = this.ports;
    for (const person of people) {
      const first = cluster.nodes[0]!;
      const options = { transport: 'bearer', deviceType: 'other' } as const;
      const tokens = [...person.live.values()].slice(-1);
      const signedIn = tokens.length > 0 ? undefined : await own.signIn(first, person, options);
      for (const token of signedIn === undefined ? tokens : [signedIn]) {
        for (const node of cluster.nodes) this.#keep(await sockets.open(node, person, token));
      }
    }
  }

  /** Who is connected, once the nodes have told as many; or else when they should have. */
  async count(): Promise<SocketCensus> {
    const { history } = this.ports;
    const deadline = runNow() + COUNTED_WITHIN_MS;
    for (;;) {
      const before = history.open.length;
      const nodes = await this.#countedNodes();
      const at = runNow();
      const open = history.open.map(({ id }) => id);
      const isSettled = nodes !== null && open.length === before && sumOf(nodes) === before;
      if (isSettled || at > deadline) return { at, open, nodes };
      await pause(COUNT_EVERY_MS);
    }
  }

  /** Closes what is still open. */
  async leave(): Promise<void> {
    const all = [...this.#open];
    for (const open of all) open.close();
    await Promise.all(all.map(({ closed }) => closed));
  }

  /** One device after the other, each connected once. */
  async #live(random: Random): Promise<void> {
    const { people, client, sockets } = this.ports;
    while (this.#isRunning) {
      // Drawn in any case, so that what one device decides does not depend on how the others fare.
      const person = random.pick(people);
      const isDead = random.chance(DEAD_SHARE);
      const isSilent = random.chance(SILENT_SHARE);
      const stayMs = random.between(...STAY_MS);
      const more = random.fork(`more ${random.next()}`);
      const node = client.anyNode(random);
      const token = tokenOf(person, isDead, more);
      if (node !== undefined && token !== undefined && (this.#waiting.get(node) ?? 0) < MOST_WAITING) {
        this.#count(node, 1);
        const open = await sockets.open(node, person, token);
        this.#count(node, -1);
        this.#keep(open);
        if (open !== undefined) await this.#stay(open, runNow() + stayMs, isSilent, more);
      }
      await pause(random.between(...THINK_MS));
    }
  }

  /** Whoever stays to the end is counted. */
  async #stay(open: OpenSocket, until: number, isSilent: boolean, random: Random): Promise<void> {
    while (this.#isRunning && open.record.closed === null) {
      if (runNow() >= until) {
        open.close();
        return;
      }
      if (!isSilent) open.ask();
      await Promise.race([pause(random.between(...ASK_EVERY_MS)), open.closed, this.#stopped]);
    }
  }

  #keep(open: OpenSocket | undefined): void {
    if (open === undefined) return;
    this.#open.add(open);
    void open.closed.then(() => this.#open.delete(open));
  }

  async #write(random: Random): Promise<void> {
    const { people, client } = this.ports;
    while (this.#isRunning) {
      const { id } = random.pick(people);
      const node = client.anyNode(random);
      const token = node === undefined ? undefined : await this.#token(node);
      if (node !== undefined && token !== undefined) {
        const { answer } = await client.call(node, {
          kind: 'admin-message',
          person: this.#administrator,
          token,
          request: { method: 'POST', path: `/admin/users/${id}/messages`, body: { text: textFor(id) } },
        });
        if (answer?.status === 401) this.#administrator.release(token.session);
      }
      await pause(random.between(...MESSAGE_EVERY_MS));
    }
  }

  async #countedNodes(): Promise<CountedNode[] | null> {
    const { cluster, client } = this.ports;
    const node = cluster.nodes[0]!;
    const token = await this.#token(node);
    if (token === undefined) return null;
    const { answer } = await client.call(node, {
      kind: 'admin-stats',
      person: this.#administrator,
      token,
      request: { method: 'GET', path: '/admin/stats' },
    });
    if (answer?.status === 401) this.#administrator.release(token.session);
    if (answer?.status !== 200) return null;
    return (answer.body.nodes as { name: string; startedAt: string; connections: number }[]).map(
      ({ name, startedAt, connections }) => ({ name, startedAt: Date.parse(startedAt), connections }),
    );
  }

  async #token(node: ClusterNode): Promise<HeldToken | undefined> {
    return (
      this.#administrator.live.values().next().value ??
      (await this.ports.own.signIn(node, this.#administrator, { transport: 'bearer', deviceType: 'other' }))
    );
  }

  #count(node: ClusterNode, change: 1 | -1): void {
    this.#waiting.set(node, (this.#waiting.get(node) ?? 0) + change);
  }
}

/** Mostly of those that have just ended. */
function tokenOf(person: Person, isDead: boolean, random: Random): HeldToken | undefined {
  const from = isDead ? person.dead.slice(-4) : [...person.live.values()];
  return from.length === 0 ? undefined : random.pick(from);
}
