import type {
  Absence,
  ChangedEnd,
  Evidence,
  FaultRecord,
  LedgerEvent,
  LedgerJob,
  LedgerSession,
  ProcessEnd,
  SharedEntry,
} from '../evidence.js';
import { type AnswerFacts, History, type Operation, type OperationKind } from '../history.js';
import { readSettings } from '../settings.js';
import { type CountedNode, SocketHistory, type SocketRecord } from '../socket-history.js';

type Answer = { readonly status: number; readonly code?: string } & AnswerFacts;

/** What an operation is beside its kind, answer and times. */
export type OperationDetails = Partial<
  Pick<Operation, 'node' | 'user' | 'token' | 'target' | 'passwordIsSure' | 'final'>
>;

/** Makes the evidence of a small run by hand. Everything is well unless a test makes it otherwise. */
export class EvidenceBuilder {
  readonly faults: FaultRecord[] = [];
  readonly absences: Absence[] = [];
  readonly ends: ProcessEnd[] = [];
  readonly overLimit: { at: number; scope: string; sessions: string[] }[] = [];
  readonly changedEnds: ChangedEnd[] = [];
  readonly sharedLevel: SharedEntry[] = [];
  readonly jobs: LedgerJob[] = [];
  readonly #history = new History();
  readonly #sockets = new SocketHistory();
  /** What the nodes say of their connections; as many as there are where a test does not say otherwise. */
  counted: readonly CountedNode[] | null | undefined;
  censusAt = 0;
  readonly #sessions = new Map<string, LedgerSession>();
  readonly #events: LedgerEvent[] = [];
  #transactions = 0;

  /** A session of `user` that was signed in on node a at `at`, in the database as well. */
  signIn(
    session: string,
    at: number,
    { user = 'ann', client = null as string | null, evicts = [] as readonly string[], answered = true } = {},
  ): this {
    const transaction = this.#begin();
    for (const evicted of evicts) this.end(evicted, at, 'evicted', transaction);
    this.#sessions.set(session, {
      id: session,
      user,
      client,
      deviceType: 'web',
      status: 'active',
      version: 1,
      generation: 0,
      createdAt: at,
      expiresAt: at + 240_000,
      lastAccessedAt: at,
      endedAt: null,
      endReason: null,
      dataVersion: 0,
      data: {},
      restoredFrom: null,
    });
    this.event('created', session, at, transaction);
    if (!answered) return this;
    const created = { user, session, generation: 0 };
    return this.operation('sign-in', at, { status: 200, created, evicted: evicts }, { user, token: null });
  }

  /** The session's end in the database. */
  end(session: string, at: number, status = 'revoked', transaction = this.#begin()): this {
    const present = this.#sessions.get(session)!;
    this.#sessions.set(session, { ...present, status, version: present.version + 1, endedAt: at });
    return this.event(status, session, at, transaction);
  }

  /** A successor of the session's token in the database. */
  rotate(session: string, at: number, reason: string | null = null): this {
    const present = this.#sessions.get(session)!;
    this.#sessions.set(session, { ...present, generation: present.generation + 1 });
    return this.event('rotated', session, at, this.#begin(), reason);
  }

  /** Changes what the database has of a session. */
  row(session: string, change: Partial<LedgerSession>): this {
    this.#sessions.set(session, { ...this.#sessions.get(session)!, ...change });
    return this;
  }

  forget(session: string): this {
    this.#sessions.delete(session);
    return this;
  }

  event(type: string, session: string, at: number, transaction = this.#begin(), reason: string | null = null): this {
    const user = this.#sessions.get(session)?.user ?? null;
    return this.#log({ transaction, committedAt: at, type, session, user, reason, notBefore: null });
  }

  /** What was created until `at` is over. */
  cutOff(user: string | null, at: number): this {
    const transaction = this.#begin();
    return this.#log({
      transaction,
      committedAt: at,
      type: 'cut_off',
      session: null,
      user,
      reason: null,
      notBefore: at,
    });
  }

  /** `GET /me` with the session's token, begun at `at` and answered 5 ms later. */
  me(
    session: string,
    at: number,
    answer: number | Answer,
    details: OperationDetails & { generation?: number } = {},
  ): this {
    const user = this.#sessions.get(session)?.user ?? 'ann';
    const given = typeof answer === 'number' ? { status: answer } : answer;
    const seenAs = given.status === 200 ? { seenAs: { user, session } } : {};
    const token = { session, generation: details.generation ?? 0 };
    if (given.status === 200 && this.#sessions.has(session)) {
      const { lastAccessedAt } = this.#sessions.get(session)!;
      this.row(session, { lastAccessedAt: Math.max(lastAccessedAt, at) });
    }
    return this.operation('me', at, { ...seenAs, ...given }, { user, token, ...details });
  }

  /** A connection to node a with the session's token that was let in at `at` and is open, unless `what` says otherwise. */
  socket(session: string, at: number, what: Partial<SocketRecord> = {}): this {
    const token = { session, generation: 0 };
    const { node = 'a', user = this.#sessions.get(session)?.user ?? 'ann' } = what;
    this.operation('connect', at - 5, { status: 200 }, { node, user, token });
    if (this.#sessions.has(session)) this.row(session, { lastAccessedAt: at });
    const { id } = this.#history.operations.at(-1)!;
    Object.assign(this.#sockets.append({ id, node, user, token, joined: at }), what);
    return this;
  }

  /** An administrator suspends or resumes it, at `at` in the database and 5 ms later in an answer. */
  step(kind: 'admin-suspend' | 'admin-resume', session: string, at: number, reason = 'nemesis keeps'): this {
    const isSuspended = kind === 'admin-suspend';
    this.row(session, { status: isSuspended ? 'suspended' : 'active' });
    this.event(isSuspended ? 'suspended' : 'activated', session, at, this.#begin(), reason);
    return this.operation(kind, at, { status: 200 }, { target: { session, reason } });
  }

  /** A change of the session's data in the database. */
  data(session: string, at: number, members: LedgerSession['data']): this {
    const present = this.#sessions.get(session)!;
    this.row(session, { data: { ...present.data, ...members }, dataVersion: present.dataVersion + 1 });
    return this.event('data_changed', session, at);
  }

  /** Any operation, begun at `at` and answered 5 ms later. */
  operation(kind: OperationKind, at: number, answer: Answer, details: OperationDetails = {}): this {
    const { status, code = null, ...facts } = answer;
    return this.#append(kind, at, { kind: 'answered', status, code, ...facts }, details);
  }

  /** An operation that was never answered. */
  lost(kind: OperationKind, at: number, details: OperationDetails = {}): this {
    return this.#append(kind, at, { kind: 'lost', why: 'socket hang up' }, details);
  }

  fault(
    name: string,
    concerns: FaultRecord['concerns'],
    from: number,
    until: number,
    node: string | null = null,
  ): this {
    this.faults.push({ name, concerns, node, begun: from, healed: until, recovered: until });
    return this;
  }

  build(): Evidence {
    return {
      settings: readSettings(['--seed', '1', '--strategy', 'LogoutFromSameTypeDevicesLimit']),
      operations: this.#history.operations,
      faults: this.faults,
      absences: this.absences,
      ends: this.ends,
      observations: { samples: 1, overLimit: this.overLimit, changedEnds: this.changedEnds },
      ledger: { sessions: [...this.#sessions.values()], events: this.#events, jobs: this.jobs },
      sharedLevel: this.sharedLevel,
      sockets: this.#sockets.records,
      census: {
        at: this.censusAt,
        open: this.#sockets.open.map(({ id }) => id),
        nodes:
          this.counted === undefined
            ? [{ name: 'a', startedAt: 0, connections: this.#sockets.open.length }]
            : this.counted,
      },
    };
  }

  #append(kind: OperationKind, at: number, outcome: Operation['outcome'], details: OperationDetails): this {
    const { node = 'a', user = 'ann', token = null, target = {}, final = false, passwordIsSure } = details;
    const sure = passwordIsSure === undefined ? {} : { passwordIsSure };
    this.#history.append({ kind, node, begun: at, ended: at + 5, user, token, target, final, outcome, ...sure });
    return this;
  }

  #log(event: Omit<LedgerEvent, 'id'>): this {
    this.#events.push({ id: this.#events.length + 1, ...event });
    return this;
  }

  #begin(): string {
    this.#transactions += 1;
    return String(this.#transactions);
  }
}
