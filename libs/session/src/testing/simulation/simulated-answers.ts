import { expiryOf } from '../../core/expiry.js';
import { isLive, type SessionStatus } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import type { SessionVerdict } from '../../nest/check/session-verdict.js';
import type { Session } from '../../nest/session/session.js';
import { CLOCK_TOLERANCE_MS, clockTolerance } from './clock-tolerance.js';
import { FLUSH_TOLERANCE_MS, type SimulatedAccesses } from './simulated-accesses.js';
import type { SimulatedCheck, SimulatedSession } from './simulated-check.js';
import { SIMULATED_EPOCH_MS } from './simulated-clocks.js';
import type { SimulatedData } from './simulated-data.js';
import type { CommittedVersion } from './simulated-database.js';
import type { SimulatedHistory } from './simulated-history.js';
import type { SimulatedNode } from './simulated-node.js';
import type { SimulatedProcess } from './simulated-scheduler.js';
import type { SimulatedSurroundings } from './simulated-surroundings.js';
import { isCurrent, type SimulatedTokens } from './simulated-tokens.js';

/** With hints and network in order, a change has been read everywhere after this long. */
const PROMPT_MS = 300;

const ENDED_CODES: Readonly<Record<string, readonly SessionStatus[]>> = {
  SESSION_REVOKED: ['revoked', 'rejected'],
  SESSION_EVICTED: ['evicted'],
  SESSION_SIGNED_OUT: ['signed_out'],
};

const PAUSED_CODES: Readonly<Record<string, SessionStatus>> = {
  SESSION_SUSPENDED: 'suspended',
  SESSION_PENDING: 'pending',
};

/** What was promised of answers: who is admitted, who is refused, and for what reason. */
export class SimulatedAnswers {
  /** Acknowledged on this life of a node, or refused by it: it must never admit the session again. */
  readonly #overOn = new Map<SimulatedProcess, Set<string>>();
  /** Since when a life of a node has told that a session is suspended. */
  readonly #suspendedOn = new Map<SimulatedProcess, Map<string, number>>();

  constructor(
    private readonly surroundings: SimulatedSurroundings,
    private readonly history: SimulatedHistory,
    private readonly accesses: SimulatedAccesses,
    private readonly tokens: SimulatedTokens,
    private readonly data: SimulatedData,
    private readonly violated: (promise: string, what: string) => void,
  ) {}

  /** Somebody was told on this node that the session is over. */
  acknowledged(node: SimulatedNode, id: string): void {
    const over = this.#overOn.get(node.process);
    if (over === undefined) this.#overOn.set(node.process, new Set([id]));
    else over.add(id);
  }

  /** Somebody was told on this node that the session is suspended. */
  suspended(node: SimulatedNode, id: string): void {
    const suspended = this.#suspendedOn.get(node.process) ?? new Map<string, number>();
    this.#suspendedOn.set(node.process, suspended.set(id, this.surroundings.world.now));
  }

  isOverOn(node: SimulatedNode, id: string): boolean {
    return this.#overOn.get(node.process)?.has(id) === true;
  }

  /** @param wasOver whether the session was over for the node when the request came */
  judge(check: SimulatedCheck, verdict: SessionVerdict, wasOver: boolean): void {
    if (verdict.error === undefined) this.#judgeAdmission(check, verdict.session, wasOver);
    else this.#judgeRefusal(check, verdict.error.code);
  }

  #judgeAdmission(check: SimulatedCheck, admitted: Session, wasOver: boolean): void {
    const { userId } = admitted;
    const { session, token, node, from, strict } = check;
    const { tailIntervalMs } = this.surroundings.options.times;
    const maxStalenessMs = strict ? 0 : this.surroundings.options.times.maxStalenessMs;
    const who = `${node.process.name} admits ${session.name}`;
    if (userId !== session.userId) this.violated('I3', `${who} as ${userId}, not ${session.userId}`);
    if (wasOver) this.violated('I4', `${who} after it has refused it as ended or acknowledged its end`);
    const endedAt = this.history.endOf(session.id);
    if (endedAt !== undefined) {
      const late = from - endedAt;
      if (late > maxStalenessMs) this.violated('I1', `${who} ${late.toFixed(0)} ms after its end was committed`);
      const isCalm = this.surroundings.world.isCalmSince(endedAt);
      const prompt = PROMPT_MS + (this.surroundings.world.hintsWorkSince(endedAt) ? 0 : tailIntervalMs);
      if (isCalm && late > prompt)
        this.violated('P2', `${who} ${late.toFixed(0)} ms after its end, with nothing in the way`);
    }
    this.#judgeState(check, who, maxStalenessMs);
    const versions = this.history.during(session.id, from - maxStalenessMs, this.surroundings.world.now);
    if (!versions.some(({ record }) => this.tokens.isAdmissible(token, record, from))) {
      this.violated(
        'I1',
        `${who} with a token that has been dead for longer than ${maxStalenessMs} ms, or was never right`,
      );
    }
    this.data.judge(node, admitted, check.knownData, versions);
    this.#judgeLifetime(check, who, versions.at(-1)?.record);
    this.accesses.note(session.id, node, from);
  }

  /** What is suspended, or waits for its second factor, is admitted for no longer than what has ended. */
  #judgeState({ session, node, from }: SimulatedCheck, who: string, maxStalenessMs: number): void {
    const { now } = this.surroundings.world;
    const isActive = (since: number): boolean =>
      this.history.during(session.id, since, now).some(({ record }) => record.status === 'active');
    if (!isActive(from - maxStalenessMs))
      this.violated('I1', `${who} though it was not active for ${maxStalenessMs} ms`);
    const told = this.#suspendedOn.get(node.process)?.get(session.id) ?? Infinity;
    if (told < from && !isActive(told)) this.violated('P2', `${who} after it has told that it is suspended`);
  }

  #judgeLifetime({ session, from }: SimulatedCheck, who: string, record: SessionRecord | undefined): void {
    if (record === undefined) return;
    const now = SIMULATED_EPOCH_MS + from - clockTolerance(this.surroundings, from);
    const latestUse = SIMULATED_EPOCH_MS + this.accesses.latestUse(session.id);
    const expiry = expiryOf(record, Math.max(record.lastAccessedAt, latestUse), now);
    if (expiry !== 'none') this.violated('P3', `${who} more than a second past its ${expiry} limit`);
  }

  #judgeRefusal({ session, token, node, from }: SimulatedCheck, code: string): void {
    const who = `${node.process.name} refuses ${session.name} with ${code}`;
    if (code === 'SESSION_STORE_UNAVAILABLE') {
      const hasFailed =
        (this.surroundings.database.failures.get(node.process.name) ?? Number.NEGATIVE_INFINITY) >= from;
      if (this.surroundings.world.isCalmSince(from) && !hasFailed)
        this.violated('P7', `${who} with nothing in the way`);
      return;
    }
    const versions = this.history.during(session.id, from, this.surroundings.world.now);
    if (code === 'SESSION_INVALID') {
      if (versions.every(({ record }) => this.tokens.isSurelyRight(token, record, from)))
        this.violated('P7', `${who} though its token is right`);
      if (versions.every(({ record }) => this.#isLeftToThief(token, record, from)))
        this.violated('R8', `${who} for a token that was used before, and leaves the session to whoever has the next`);
      return;
    }
    if (!this.history.versions(session.id).some(({ record }) => isCurrent(token, record))) {
      this.violated('R64', `${who} to somebody who never had its secret`);
    }
    const statuses = ENDED_CODES[code];
    if (statuses !== undefined) {
      const isCutOff = code === 'SESSION_REVOKED' && this.history.coveredSince(session.id) !== undefined;
      if (!isCutOff && !versions.some(({ record }) => statuses.includes(record.status)))
        this.violated('P7', `${who}, which never happened`);
      this.acknowledged(node, session.id);
    } else if (PAUSED_CODES[code] !== undefined) {
      // A node may not have heard yet that it serves again.
      const known = this.history.during(
        session.id,
        from - this.surroundings.options.times.maxStalenessMs,
        this.surroundings.world.now,
      );
      if (!known.some(({ record }) => record.status === PAUSED_CODES[code]))
        this.violated('P7', `${who}, which it was not`);
    } else if (code === 'SESSION_EXPIRED') this.#judgeExpiry(session, who, from, versions);
    else this.violated('P7', `${who}, for no reason`);
  }

  #judgeExpiry(session: SimulatedSession, who: string, from: number, versions: readonly CommittedVersion[]): void {
    const { now } = this.surroundings.world;
    const isConfirmed = versions.some(({ record }, index) => {
      const until = Math.min(now, versions[index + 1]?.at ?? now);
      const moment = SIMULATED_EPOCH_MS + until + clockTolerance(this.surroundings, from);
      return !isLive(record.status) || expiryOf(record, record.lastAccessedAt, moment) !== 'none';
    });
    if (!isConfirmed) this.violated('P3', `${who}, which the database does not confirm`);
    const record = versions.at(-1)?.record;
    if (record === undefined || SIMULATED_EPOCH_MS + now + CLOCK_TOLERANCE_MS >= record.expiresAt) return;
    for (const { trueAt } of this.accesses.of(session.id)) {
      const isInUse = trueAt < from - FLUSH_TOLERANCE_MS && now < trueAt + record.idleTimeoutMs - CLOCK_TOLERANCE_MS;
      if (
        this.history.lives(record) &&
        isInUse &&
        this.surroundings.world.isCalmSince(trueAt - this.surroundings.options.times.syncIntervalMs)
      ) {
        this.violated('P3', `${who}, though it was used ${(now - trueAt).toFixed(0)} ms ago`);
      }
    }
  }

  #isLeftToThief(token: string, record: SessionRecord, from: number): boolean {
    const now = SIMULATED_EPOCH_MS + this.surroundings.world.now + clockTolerance(this.surroundings, from);
    const isOver = !this.history.lives(record) || expiryOf(record, record.lastAccessedAt, now) !== 'none';
    return !isOver && this.tokens.isSurelyReused(token, record, from);
  }
}
