import { type CutOffScope, isCutOffBy } from '../../core/cut-off.js';
import type { LiveStatus } from '../../core/lifecycle.js';
import { parseToken } from '../../core/token.js';
import { OF_USER } from './simulated-data.js';
import type { SimulatedDatabase } from './simulated-database.js';
import type { SimulatedCheck, SimulatedSession } from './simulated-check.js';
import type { SimulatedInvariants } from './simulated-invariants.js';
import type { SimulatedNode } from './simulated-node.js';
import type { SimulatedRequests } from './simulated-requests.js';
import type { SimulatedWorld } from './simulated-world.js';

const MEMBERS = ['one', 'two', 'three'];

/** What becomes of a session's tokens in the hands of its client: the latest generation last. */
function learnToken({ tokens }: SimulatedSession, token: string): void {
  if (tokens.includes(token)) return;
  tokens.push(token);
  tokens.sort((a, b) => (parseToken(a)?.generation ?? 0) - (parseToken(b)?.generation ?? 0));
}

/** Whoever sends requests: users with their tokens, and administrators. Their requests are on their way for a while. */
export class SimulatedClients {
  readonly sessions: SimulatedSession[] = [];
  /** Requests that were admitted, and refused, by code. */
  readonly answers: Record<string, number> = {};
  #signIns = 0;
  #values = 0;
  #jobs = 0;

  constructor(
    private readonly world: SimulatedWorld,
    private readonly database: SimulatedDatabase,
    private readonly invariants: SimulatedInvariants,
    /** Whether tokens are rotated by the clock. Then most clients take successors, and some have no way to get one. */
    private readonly takeSuccessors: boolean,
  ) {}

  /** 0 is the newest. */
  sessionAt(target: number): SimulatedSession | undefined {
    return this.sessions.at(-1 - (target % Math.max(1, this.sessions.length)));
  }

  signIn(node: SimulatedNode | undefined, user: number, isPending = false): void {
    this.#request(node, (at) => {
      this.#signIns += 1;
      const name = `s${this.#signIns}`;
      const userId = `user${user + 1}`;
      const what = `${isPending ? 'pending ' : ''}sign-in of ${userId} (${name})`;
      this.#told(at, what, at.requests.signIn(userId, name, isPending), (signedIn) => {
        if (signedIn === undefined) return;
        const session = { name, id: signedIn.record.id, userId, tokens: [signedIn.token] };
        this.sessions.push(session);
        this.invariants.tokens.handedOut(session, signedIn.token);
      });
    });
  }

  end(node: SimulatedNode | undefined, session: SimulatedSession, action: 'revoke' | 'sign out'): void {
    this.#request(node, (at) => {
      this.invariants.accesses.flushedEarly.add(session.id);
      const ending = action === 'revoke' ? at.requests.revoke(session.id) : at.requests.signOut(session.id);
      this.#told(at, `${action} ${session.name}`, ending, (isEnded) => {
        // Where there was nothing to revoke, nobody is told that it is over.
        if (isEnded || action === 'sign out') this.invariants.answers.acknowledged(at, session.id);
      });
    });
  }

  /** Of one user here or anywhere, of those without a tenant, or of everybody. */
  cutOff(node: SimulatedNode | undefined, target: number, users: number): void {
    const userId = `user${(target % users) + 1}`;
    const scopes: readonly CutOffScope[] = [{ tenantId: null, userId }, { userId }, { tenantId: null }, {}];
    const scope = scopes[Math.floor(target / users) % scopes.length] ?? {};
    this.#request(node, (at) => {
      this.#told(at, `cut-off of ${JSON.stringify(scope)}`, at.requests.cutOff(scope), (notBefore) => {
        for (const record of this.database.rows.values()) {
          if (isCutOffBy({ scope, notBefore }, record)) this.invariants.answers.acknowledged(at, record.id);
        }
      });
    });
  }

  suspend(node: SimulatedNode | undefined, session: SimulatedSession, freesSlot: boolean): void {
    this.#request(node, (at) => {
      this.invariants.accesses.flushedEarly.add(session.id);
      this.#told(at, `suspend ${session.name}`, at.requests.suspend(session.id, freesSlot), (isDone) => {
        if (isDone) this.invariants.answers.suspended(at, session.id);
      });
    });
  }

  resume(node: SimulatedNode | undefined, target: number): void {
    const session = this.#oneThatIs('suspended', target);
    if (session === undefined) return;
    this.#request(node, (at) => {
      this.invariants.accesses.flushedEarly.add(session.id);
      this.#told(at, `resume ${session.name}`, at.requests.resume(session.id), () => undefined);
    });
  }

  /** With the second factor that the sign-in waits for. */
  complete(node: SimulatedNode | undefined, target: number): void {
    const session = this.#oneThatIs('pending', target);
    if (session === undefined) return;
    this.#request(node, (at) => {
      this.#told(at, `complete ${session.name}`, at.requests.complete(session.id), (token) => {
        if (token !== null) this.#take(session, token);
      });
    });
  }

  /** One member gets a value that it has never had. */
  changeData(node: SimulatedNode | undefined, session: SimulatedSession, how: 'merge' | 'set', forMs: number): void {
    this.#values += 1;
    const [member, value] = [MEMBERS[forMs % MEMBERS.length] ?? '', `${session.name} ${this.#values}`];
    this.#request(node, (at) => {
      const changing =
        how === 'merge'
          ? at.requests.mergeData(session.id, member, value)
          : at.requests.setData(session.id, member, value);
      this.#told(at, `${how} ${member} of ${session.name}`, changing, (changed) => {
        if (changed !== undefined) this.invariants.data.acknowledged(at, changed, member, value);
      });
    });
  }

  /** The user's sessions, by a job. */
  startJob(node: SimulatedNode | undefined, user: number): void {
    this.#jobs += 1;
    const [id, reason, userId] = [`job${this.#jobs}`, `job ${this.#jobs}`, `user${user + 1}`];
    for (const session of this.sessions)
      if (session.userId === userId) this.invariants.accesses.flushedEarly.add(session.id);
    this.#request(node, (at) => {
      this.#told(at, `start ${reason} over ${userId}`, at.requests.startJob(id, userId, reason), () => {
        this.invariants.jobs.started(id, reason);
      });
    });
  }

  /** The newest. */
  cancelJob(node: SimulatedNode | undefined): void {
    const id = `job${this.#jobs}`;
    this.#request(node, (at) => {
      this.#told(at, `cancel ${id}`, at.requests.cancelJob(id), (isDone) => {
        if (isDone) this.invariants.jobs.cancelled(id);
      });
    });
  }

  changeUserData(node: SimulatedNode | undefined, user: number): void {
    this.#values += 1;
    const [userId, value] = [`user${user + 1}`, `user${user + 1} ${this.#values}`];
    this.#request(node, (at) => {
      this.#told(at, `set data of ${userId}`, at.requests.setUserData(userId, OF_USER, value), () => undefined);
    });
  }

  /** Of the newest ones that were revoked; then its client claims what takes its place, as often as there are nodes. */
  undo(nodes: readonly (SimulatedNode | undefined)[], target: number): void {
    const session = this.#oneThatIs('revoked', target);
    if (session === undefined) return;
    this.#request(nodes[0], (at) => {
      this.#told(at, `undo the end of ${session.name}`, at.requests.undo(session.id), () => {
        for (const node of nodes) this.#restore(node, session);
      });
    });
  }

  /** Whether or not somebody has permitted it. */
  restore(node: SimulatedNode | undefined, target: number): void {
    const session = this.#oneThatIs('revoked', target);
    if (session !== undefined) this.#restore(node, session);
  }

  #restore(node: SimulatedNode | undefined, { id: old, name }: SimulatedSession): void {
    this.#request(node, (at) => {
      this.#told(at, `restore ${name}`, at.requests.restore(old), (restored) => {
        if (restored === undefined) return;
        const { id, userId } = restored.record;
        const session = { name, id, userId, tokens: [restored.token] };
        this.sessions.push(session);
        this.invariants.tokens.handedOut(session, restored.token);
      });
    });
  }

  rotate(node: SimulatedNode | undefined, session: SimulatedSession): void {
    this.#request(node, (at) => {
      this.#told(at, `rotate ${session.name}`, at.requests.rotate(session.id), (token) => {
        if (token !== undefined) this.#take(session, token);
      });
    });
  }

  check(
    node: SimulatedNode | undefined,
    session: SimulatedSession | undefined,
    token: string | undefined,
    strict = false,
  ): void {
    if (session === undefined || token === undefined) return;
    this.#request(node, (at) => {
      const check: SimulatedCheck = {
        ...{ session, token, node: at, from: this.world.now, strict: strict || at.isStrict },
        knownData: this.invariants.data.knownOn(at, session.id),
      };
      const wasOver = this.invariants.answers.isOverOn(at, session.id);
      this.invariants.tokens.presented(check);
      const answered = (verdict: Awaited<ReturnType<SimulatedRequests['check']>>): void => {
        const answer = verdict.error?.code ?? 'admitted';
        this.answers[answer] = (this.answers[answer] ?? 0) + 1;
        const since = (this.world.now - check.from).toFixed(1);
        this.world.trace.note(at.process.name, `check of ${session.name}: ${answer} after ${since} ms`);
        this.invariants.answers.judge(check, verdict, wasOver);
        if (verdict.session !== undefined && verdict.successor !== undefined) this.#take(session, verdict.successor);
      };
      const deliversSuccessor = this.takeSuccessors && this.world.random.chance(0.9);
      const verdict = at.requests.check(token, { strict, deliversSuccessor });
      if (verdict instanceof Promise) void verdict.then(answered);
      else answered(verdict);
    });
  }

  #oneThatIs(status: LiveStatus | 'revoked', target: number): SimulatedSession | undefined {
    const found = this.sessions.filter(({ id }) => this.database.rows.get(id)?.status === status);
    return found.at(-1 - (target % Math.max(1, found.length)));
  }

  #take(session: SimulatedSession, token: string): void {
    this.invariants.tokens.handedOut(session, token);
    learnToken(session, token);
  }

  /** A request on its way to a node, which takes it up when it can. */
  #request(node: SimulatedNode | undefined, handle: (node: SimulatedNode) => void): void {
    if (node === undefined) return;
    this.world.scheduler.schedule(node.process, this.world.hop(), () => {
      if (node.isServing) handle(node);
    });
  }

  /** What a client is told, or not, of what it asked for. */
  #told<T>(node: SimulatedNode, what: string, work: Promise<T>, done: (outcome: T) => void): void {
    const { trace } = this.world;
    trace.note(node.process.name, `begins to ${what}`);
    work.then(
      (outcome) => {
        trace.note(
          node.process.name,
          `has done: ${what}${outcome === false || outcome === undefined ? ' (nothing)' : ''}`,
        );
        done(outcome);
      },
      (error: unknown) => {
        trace.note(
          node.process.name,
          `could not ${what}: ${(error as { cause?: Error }).cause?.message ?? String(error)}`,
        );
      },
    );
  }
}
