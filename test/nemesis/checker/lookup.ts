import type { Absence, Evidence, LedgerEvent, LedgerSession } from '../evidence.js';
import { type Operation, type OperationKind, succeeded, wasAdmitted } from '../history.js';
import { groupBy } from './group-by.js';

const ENDED = ['signed_out', 'expired', 'evicted', 'revoked', 'rejected'];

/** Why a token was rotated that nobody asked to rotate. */
const SCHEDULED = 'scheduled';

/** True for a status that holds a slot of the policy. */
export function isLiveStatus(status: string): boolean {
  return !ENDED.includes(status);
}

/** True for a row of the log that tells of a session's end. */
export function isTerminal(event: LedgerEvent): boolean {
  return ENDED.includes(event.type);
}

/** A stretch of time in which a session was suspended, as the log has it. */
export interface Suspension {
  readonly from: number;
  /** When it was resumed or ended; a moment that never comes where it was neither. */
  readonly until: number;
  readonly reason: string | null;
}

/** When a session was over, as far as a client can know: the answer that said so had come. */
export interface AcknowledgedEnd {
  readonly at: number;
  readonly by: Operation;
}

/** What several invariants look up in the evidence. */
export class Lookup {
  readonly sessions: ReadonlyMap<string, LedgerSession>;
  /** By session: the rows of the log that end it; one, where all is well. */
  readonly terminals: ReadonlyMap<string, readonly LedgerEvent[]>;
  /** By session: when its tokens were replaced, in order. */
  readonly rotations: ReadonlyMap<string, readonly LedgerEvent[]>;
  /** By session: the rows of the log that begin it; one, where all is well. */
  readonly beginnings: ReadonlyMap<string, readonly LedgerEvent[]>;
  /** By session: the rows of the log that permit to restore it. */
  readonly undos: ReadonlyMap<string, readonly LedgerEvent[]>;
  readonly #suspends: ReadonlyMap<string, readonly Operation[]>;
  readonly #steps: ReadonlyMap<string, readonly LedgerEvent[]>;
  readonly #cutOffs: ReadonlyMap<string | null, readonly LedgerEvent[]>;
  /** By session: the sign-in that was answered with it. */
  readonly issued: ReadonlyMap<string, Operation>;
  /** By session: its first end that was acknowledged. */
  readonly ends: ReadonlyMap<string, AcknowledgedEnd>;
  /** By session: the admitted operations, by when they began. */
  readonly admitted: ReadonlyMap<string, readonly Operation[]>;

  constructor(readonly evidence: Evidence) {
    const { ledger, operations } = evidence;
    this.sessions = new Map(ledger.sessions.map((session) => [session.id, session]));
    this.terminals = bySession(ledger.events.filter(isTerminal));
    this.rotations = bySession(ledger.events.filter((event) => event.type === 'rotated'));
    this.beginnings = bySession(ledger.events.filter((event) => event.type === 'created'));
    this.#steps = bySession(ledger.events.filter(({ type }) => type === 'suspended' || type === 'activated'));
    this.undos = bySession(ledger.events.filter(({ type }) => type === 'undone'));
    this.#suspends = groupBy(
      operations.filter(({ kind }) => kind === 'admin-suspend'),
      ({ target }) => target.reason ?? '',
    );
    this.#cutOffs = groupBy(
      ledger.events.filter((event) => event.type === 'cut_off'),
      (event) => event.user,
    );
    this.issued = new Map(
      operations.flatMap((operation) => {
        const created = createdBy(operation);
        return created === undefined || !BEGINNINGS.includes(operation.kind)
          ? []
          : [[created.session, operation] as const];
      }),
    );
    this.ends = acknowledgedEnds(operations, this.issued, this.rotations);
    this.admitted = groupBy(
      operations.filter(wasAdmitted).toSorted((one, other) => one.begun - other.begun),
      (operation) => operation.token?.session ?? '',
    );
  }

  /**
   * When a token was good no more, as the log has it; a moment that never comes where it still is. The token before a
   * scheduled rotation is good through its grace, unless another rotation comes first.
   */
  replacedAt(session: string, generation: number): number {
    const [rotation, next] = this.rotations.get(session)?.slice(generation) ?? [];
    if (rotation === undefined) return Number.POSITIVE_INFINITY;
    if (rotation.reason !== SCHEDULED) return rotation.committedAt;
    const graceUntil = rotation.committedAt + this.evidence.settings.rotationGraceMs;
    return Math.min(graceUntil, next?.committedAt ?? graceUntil);
  }

  /**
   * The first answer that said that the session is suspended, of those that were given while somebody was connected since
   * `joined`; without those that it was resumed so soon after that not everybody need have noticed.
   */
  suspendedFor(session: string, joined: number): AcknowledgedEnd | undefined {
    const { maxStalenessMs, slackMs } = this.evidence.settings;
    const known = this.suspensionsOf(session).flatMap(({ from, until, reason }) => {
      const by = this.#suspends.get(reason ?? '')?.find(succeeded);
      const isNoticed = by !== undefined && until > by.ended + maxStalenessMs + slackMs;
      return isNoticed && joined < from - slackMs ? [{ at: by.ended, by }] : [];
    });
    return known[0];
  }

  /** When the session was suspended, in order. */
  suspensionsOf(session: string): Suspension[] {
    return (this.#steps.get(session) ?? []).flatMap(({ type, committedAt: from, reason }, at, steps) => {
      const next = steps[at + 1]?.committedAt ?? Number.POSITIVE_INFINITY;
      return type === 'suspended' ? [{ from, reason, until: Math.min(next, this.overAt(session)) }] : [];
    });
  }

  /** When the session ended, as the log has it; a moment that never comes where it lives. */
  endedAt(session: string): number {
    return this.terminals.get(session)?.[0]?.committedAt ?? Number.POSITIVE_INFINITY;
  }

  /** When a cut-off of the session's user, or of everybody, was committed that ends it. */
  cutOffAt(session: string): number {
    const { user = '', createdAt = 0 } = this.sessions.get(session) ?? {};
    const concerned = [...(this.#cutOffs.get(user) ?? []), ...(this.#cutOffs.get(null) ?? [])];
    return concerned.reduce(
      (first, { notBefore, committedAt }) =>
        createdAt <= (notBefore ?? Number.NEGATIVE_INFINITY) ? Math.min(first, committedAt) : first,
      Number.POSITIVE_INFINITY,
    );
  }

  /** When the session was over, whether its row says so or a cut-off does. */
  overAt(session: string): number {
    return Math.min(this.endedAt(session), this.cutOffAt(session));
  }

  /** The last access that was admitted and begun before a moment. */
  lastAccessBefore(session: string, moment: number): number {
    const issued = this.issued.get(session)?.begun ?? Number.NEGATIVE_INFINITY;
    return (this.admitted.get(session) ?? []).reduce(
      (last, { begun }) => (begun < moment ? Math.max(last, begun) : last),
      issued,
    );
  }

  /** How much of an operation's time its node was stopped, going, gone or starting, in milliseconds. */
  absentDuring({ node, begun, ended }: Operation): number {
    return absenceOf(this.evidence.absences, node, begun, ended);
  }
}

/** How much of a stretch of time a node was not there. */
export function absenceOf(absences: readonly Absence[], node: string, from: number, until: number): number {
  return absences.reduce((sum, absence) => {
    if (absence.node !== node) return sum;
    return sum + Math.max(0, Math.min(until, absence.until) - Math.max(from, absence.from));
  }, 0);
}

function bySession(events: readonly LedgerEvent[]): Map<string, LedgerEvent[]> {
  return groupBy(events, (event) => event.session ?? '');
}

function createdBy({ outcome }: Operation): { readonly session: string; readonly user: string } | undefined {
  return outcome.kind === 'answered' ? outcome.created : undefined;
}

/** What an administrator does to a session that goes on, or is over. */
const CHANGES_ONLY: readonly OperationKind[] = ['admin-suspend', 'admin-resume', 'admin-undo'];

/** What a session comes from. */
const BEGINNINGS: readonly OperationKind[] = ['sign-in', 'restore'];

/**
 * The ends that clients were told of. What ends all sessions of a user ends those that were answered before it began;
 * whether it ends those that were made meanwhile is left open.
 */
function acknowledgedEnds(
  operations: readonly Operation[],
  issued: ReadonlyMap<string, Operation>,
  rotations: ReadonlyMap<string, readonly LedgerEvent[]>,
): Map<string, AcknowledgedEnd> {
  const ends = new Map<string, AcknowledgedEnd>();
  const note = (session: string, by: Operation): void => {
    const present = ends.get(session);
    if (present === undefined || present.at > by.ended) ends.set(session, { at: by.ended, by });
  };
  const jobs = new Map(operations.flatMap((one) => (one.kind === 'admin-job' ? [[one.target.reason, one]] : [])));
  const ofUser = groupBy(issued, ([, operation]) => createdBy(operation)?.user ?? '');
  for (const operation of operations) {
    if (!succeeded(operation) || operation.outcome.kind !== 'answered') continue;
    const { kind, target, token, outcome } = operation;
    for (const evicted of outcome.evicted ?? []) note(evicted, operation);
    if (target.session !== undefined && !CHANGES_ONLY.includes(kind)) {
      // Who presents a token that has been replaced signs nobody out.
      const presents = kind === 'sign-out' || kind === 'sign-in' || target.session === token?.session;
      const replacedAt = rotations.get(target.session)?.[token?.generation ?? 0]?.committedAt ?? Infinity;
      if (!presents || replacedAt > operation.ended) note(target.session, operation);
    }
    if (target.user === undefined || outcome.complete === false) continue;
    // Of a job this is said once somebody has read that it is done; it is about what there was when it was asked for.
    if (outcome.job !== undefined && outcome.job.status !== 'done') continue;
    const asked = outcome.job === undefined ? operation : jobs.get(target.reason);
    for (const [session, made] of ofUser.get(target.user) ?? []) {
      if (session !== target.except && made.ended <= (asked?.begun ?? -Infinity)) note(session, operation);
    }
  }
  return ends;
}
