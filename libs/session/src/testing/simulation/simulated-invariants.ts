import { isLive, type SessionStatus } from '../../core/lifecycle.js';
import { expiryOf } from '../../core/expiry.js';
import type { SessionRecord } from '../../core/session.js';
import type { SessionVerdict } from '../../nest/check/session-verdict.js';
import { SIMULATED_EPOCH_MS } from './simulated-clocks.js';
import type { Session } from '../../nest/session/session.js';
import { SimulatedBulk } from './simulated-bulk.js';
import { SimulatedData } from './simulated-data.js';
import type { CommittedVersion, SimulatedDatabase, SimulatedJob } from './simulated-database.js';
import type { SimulatedNode } from './simulated-node.js';
import type { SimulatedProcess } from './simulated-scheduler.js';
import { holdsSlot } from './simulated-slots.js';
import { isCurrent, SimulatedTokens } from './simulated-tokens.js';
import type { SimulatedWorld } from './simulated-world.js';
import type { ResolvedSimulation } from './simulation-options.js';

/** A promise that was not kept. */
export interface SimulatedViolation {
  /** An invariant of the fault table (`I1` to `I7`) or a promise of the design (`P1` to `P8`). */
  readonly promise: string;
  readonly what: string;
}

/** A session as its client knows it. */
export interface SimulatedSession {
  readonly name: string;
  readonly id: string;
  readonly userId: string;
  /** Every token that its client has, the newest last. */
  readonly tokens: string[];
}

/** A request, from when its node took it up to when it was answered. */
export interface SimulatedCheck {
  readonly session: SimulatedSession;
  readonly token: string;
  readonly node: SimulatedNode;
  readonly from: number;
  /** The database had to be asked, as of after the request came. */
  readonly strict: boolean;
  /** The version of the session's data that the node had acknowledged then. */
  readonly knownData: number;
}

/** How far a node's idea of the database's time may be off, and for how long past a limit it may admit, with all well. */
const CLOCK_TOLERANCE_MS = 1_000;
/** With hints and network in order, a change has been read everywhere after this long. */
const PROMPT_MS = 300;
/** With network and database in order, a load is answered within this. */
const LOAD_MS = 100;
/** What a write takes, and what a flush may come early because it is shared. */
const FLUSH_TOLERANCE_MS = 600;

const ENDED_CODES: Readonly<Record<string, readonly SessionStatus[]>> = {
  SESSION_REVOKED: ['revoked', 'rejected'],
  SESSION_EVICTED: ['evicted'],
  SESSION_SIGNED_OUT: ['signed_out'],
};

const PAUSED_CODES: Readonly<Record<string, SessionStatus>> = {
  SESSION_SUSPENDED: 'suspended',
  SESSION_PENDING: 'pending',
};

/** Watches a run and compares what nodes say with what the database had committed, on the true clock. */
export class SimulatedInvariants {
  readonly violations: SimulatedViolation[] = [];
  /** Acknowledged on this life of a node, or refused by it: it must never admit the session again. */
  readonly #overOn = new Map<SimulatedProcess, Set<string>>();
  /** Since when a life of a node has told that a session is suspended. */
  readonly #suspendedOn = new Map<SimulatedProcess, Map<string, number>>();
  /** The latest admitted access by session and life of a node. */
  readonly #accesses = new Map<string, Map<SimulatedProcess, { at: number; trueAt: number }>>();
  /** The latest admitted access of a session anywhere, on the true clock. */
  readonly #latestUse = new Map<string, number>();
  readonly #lastWrite = new Map<string, number>();
  /** Sessions whose accesses were written because somebody was about to end them. */
  readonly flushedEarly = new Set<string>();

  readonly tokens: SimulatedTokens;
  readonly data: SimulatedData;
  readonly jobs: SimulatedBulk;

  constructor(
    private readonly world: SimulatedWorld,
    private readonly options: ResolvedSimulation,
  ) {
    this.tokens = new SimulatedTokens(
      options.times.rotationGraceMs,
      (promise, what) => {
        this.violated(promise, what);
      },
      (since) => this.#clockTolerance(since),
    );
    this.data = new SimulatedData(
      () => this.database,
      (what) => {
        this.violated('data', what);
      },
    );
    this.jobs = new SimulatedBulk(
      () => this.database,
      (what) => {
        this.violated('bulk', what);
      },
    );
  }

  /** The database whose history is the truth. */
  database!: SimulatedDatabase;
  hasSharedCache = false;
  isStrict = false;

  violated(promise: string, what: string): void {
    this.violations.push({ promise, what });
    this.world.trace.note('VIOLATION', `${promise}: ${what}`);
  }

  /** Somebody was told on this node that the session is over. */
  acknowledged(node: SimulatedNode, id: string): void {
    const over = this.#overOn.get(node.process);
    if (over === undefined) this.#overOn.set(node.process, new Set([id]));
    else over.add(id);
  }

  /** Somebody was told on this node that the session is suspended. */
  suspended(node: SimulatedNode, id: string): void {
    const suspended = this.#suspendedOn.get(node.process) ?? new Map<string, number>();
    this.#suspendedOn.set(node.process, suspended.set(id, this.world.now));
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
    const { tailIntervalMs } = this.options.times;
    const maxStalenessMs = strict ? 0 : this.options.times.maxStalenessMs;
    const who = `${node.process.name} admits ${session.name}`;
    if (userId !== session.userId) this.violated('I3', `${who} as ${userId}, not ${session.userId}`);
    if (wasOver) this.violated('I4', `${who} after it has refused it as ended or acknowledged its end`);
    const endedAt = this.#endOf(session.id);
    if (endedAt !== undefined) {
      const late = from - endedAt;
      if (late > maxStalenessMs) this.violated('I1', `${who} ${late.toFixed(0)} ms after its end was committed`);
      const isCalm = this.world.isCalmSince(endedAt);
      const prompt = PROMPT_MS + (this.world.hintsWorkSince(endedAt) ? 0 : tailIntervalMs);
      if (isCalm && late > prompt)
        this.violated('P2', `${who} ${late.toFixed(0)} ms after its end, with nothing in the way`);
    }
    this.#judgeState(check, who, maxStalenessMs);
    const versions = this.#during(session.id, from - maxStalenessMs, this.world.now);
    if (!versions.some(({ record }) => this.tokens.isAdmissible(token, record, from))) {
      this.violated(
        'I1',
        `${who} with a token that has been dead for longer than ${maxStalenessMs} ms, or was never right`,
      );
    }
    this.data.judge(node, admitted, check.knownData, versions);
    this.#judgeLifetime(check, who, versions.at(-1)?.record);
    this.#noteAccess(session.id, node, from);
  }

  /** What is suspended, or waits for its second factor, is admitted for no longer than what has ended. */
  #judgeState({ session, node, from }: SimulatedCheck, who: string, maxStalenessMs: number): void {
    const { now } = this.world;
    const isActive = (since: number): boolean =>
      this.#during(session.id, since, now).some(({ record }) => record.status === 'active');
    if (!isActive(from - maxStalenessMs))
      this.violated('I1', `${who} though it was not active for ${maxStalenessMs} ms`);
    const told = this.#suspendedOn.get(node.process)?.get(session.id) ?? Infinity;
    if (told < from && !isActive(told)) this.violated('P2', `${who} after it has told that it is suspended`);
  }

  #judgeLifetime({ session, from }: SimulatedCheck, who: string, record: SessionRecord | undefined): void {
    if (record === undefined) return;
    const now = SIMULATED_EPOCH_MS + from - this.#clockTolerance(from);
    const latestUse = SIMULATED_EPOCH_MS + (this.#latestUse.get(session.id) ?? 0);
    const expiry = expiryOf(record, Math.max(record.lastAccessedAt, latestUse), now);
    if (expiry !== 'none') this.violated('P3', `${who} more than a second past its ${expiry} limit`);
  }

  #judgeRefusal({ session, token, node, from }: SimulatedCheck, code: string): void {
    const who = `${node.process.name} refuses ${session.name} with ${code}`;
    if (code === 'SESSION_STORE_UNAVAILABLE') {
      const hasFailed = (this.database.failures.get(node.process.name) ?? Number.NEGATIVE_INFINITY) >= from;
      if (this.world.isCalmSince(from) && !hasFailed) this.violated('P7', `${who} with nothing in the way`);
      return;
    }
    const versions = this.#during(session.id, from, this.world.now);
    if (code === 'SESSION_INVALID') {
      if (versions.every(({ record }) => this.tokens.isSurelyRight(token, record, from)))
        this.violated('P7', `${who} though its token is right`);
      if (versions.every(({ record }) => this.#isLeftToThief(token, record, from)))
        this.violated('R8', `${who} for a token that was used before, and leaves the session to whoever has the next`);
      return;
    }
    if (!this.#versions(session.id).some(({ record }) => isCurrent(token, record))) {
      this.violated('R64', `${who} to somebody who never had its secret`);
    }
    const statuses = ENDED_CODES[code];
    if (statuses !== undefined) {
      const isCutOff = code === 'SESSION_REVOKED' && this.#coveredSince(session.id) !== undefined;
      if (!isCutOff && !versions.some(({ record }) => statuses.includes(record.status)))
        this.violated('P7', `${who}, which never happened`);
      this.acknowledged(node, session.id);
    } else if (PAUSED_CODES[code] !== undefined) {
      // A node may not have heard yet that it serves again.
      const known = this.#during(session.id, from - this.options.times.maxStalenessMs, this.world.now);
      if (!known.some(({ record }) => record.status === PAUSED_CODES[code]))
        this.violated('P7', `${who}, which it was not`);
    } else if (code === 'SESSION_EXPIRED') this.#judgeExpiry(session, who, from, versions);
    else this.violated('P7', `${who}, for no reason`);
  }

  #judgeExpiry(session: SimulatedSession, who: string, from: number, versions: readonly CommittedVersion[]): void {
    const { now } = this.world;
    const isConfirmed = versions.some(({ record }, index) => {
      const until = Math.min(now, versions[index + 1]?.at ?? now);
      const moment = SIMULATED_EPOCH_MS + until + this.#clockTolerance(from);
      return !isLive(record.status) || expiryOf(record, record.lastAccessedAt, moment) !== 'none';
    });
    if (!isConfirmed) this.violated('P3', `${who}, which the database does not confirm`);
    const record = versions.at(-1)?.record;
    if (record === undefined || SIMULATED_EPOCH_MS + now + CLOCK_TOLERANCE_MS >= record.expiresAt) return;
    for (const { trueAt } of this.#accesses.get(session.id)?.values() ?? []) {
      const isInUse = trueAt < from - FLUSH_TOLERANCE_MS && now < trueAt + record.idleTimeoutMs - CLOCK_TOLERANCE_MS;
      if (this.#lives(record) && isInUse && this.world.isCalmSince(trueAt - this.options.times.syncIntervalMs)) {
        this.violated('P3', `${who}, though it was used ${(now - trueAt).toFixed(0)} ms ago`);
      }
    }
  }

  /** A clock that is read over a slow network is known to half a round trip. */
  #clockTolerance(since: number): number {
    return CLOCK_TOLERANCE_MS + (this.world.isCalmSince(since) ? 0 : this.options.times.storeDeadlineMs / 2);
  }

  /** What was committed: limits, ends and row writes. */
  committed(versions: readonly CommittedVersion[], jobs: readonly SimulatedJob[]): void {
    for (const version of versions) {
      if (version.isTouch) this.#judgeWrite(version);
      else this.#judgeChange(version);
    }
    // What a transaction has written was written at once.
    for (const version of versions) if (!version.isTouch) this.data.committed(version);
    this.jobs.committed(versions, jobs, this.world.now);
  }

  #judgeChange({ record }: CommittedVersion): void {
    const name = nameOf(record);
    const past = this.#versions(record.id);
    const before = past.at(-2)?.record;
    if (before !== undefined && !isLive(before.status)) {
      const isSame = record.status === before.status && record.endedAt === before.endedAt;
      const isNoted = isSame && this.database.undos.get(record.id)?.restorableUntil != null;
      if (!isNoted) this.violated(isLive(record.status) ? 'I4' : 'I7', `${name} changes after its end`);
    }
    if (past.length === 1 && record.restoredFrom !== null) this.#judgeRestored(record.restoredFrom, name);
    const rows = past.map((version) => version.record);
    if (record.endReason === 'token_reused' && !this.tokens.mayHaveBeenReused(record.id, rows)) {
      this.violated('R8', `${name} is ended for a token that nobody has used after its grace`);
    }
    const [constraint] = this.options.policy;
    if (constraint?.scope !== 'subject' || typeof constraint.limit !== 'number') return;
    const live = [...this.database.rows.values()].filter(
      (one) => one.userId === record.userId && this.#lives(one) && holdsSlot(one),
    );
    if (live.length > constraint.limit)
      this.violated('I2', `${record.userId} has ${live.length} sessions that hold a slot`);
  }

  /** What was permitted once is restored once. */
  #judgeRestored(from: string, name: string): void {
    const restored = [...this.database.rows.values()].filter(({ restoredFrom }) => restoredFrom === from);
    if (restored.length > 1) this.violated('undo', `${name} is restored ${restored.length} times`);
    const undo = this.database.undos.get(from);
    if (undo?.restorableUntil == null) this.violated('undo', `${name} is restored, which nobody has permitted`);
    if (undo?.isOpen === false) this.violated('undo', `${name} is restored, and something has changed since its end`);
  }

  #judgeWrite({ record, by, at }: CommittedVersion): void {
    const key = `${by} ${record.id}`;
    const last = this.#lastWrite.get(key);
    this.#lastWrite.set(key, at);
    if (last === undefined || this.flushedEarly.has(record.id) || !this.world.isCalmSince(last)) return;
    // What another node has told of a session, or a load that began before, may lack what was written since; then it is
    // written once too often.
    if (this.hasSharedCache || this.isStrict || this.#hasChanged(record.id, last - LOAD_MS)) return;
    const apart = at - last;
    if (apart < this.options.times.syncIntervalMs - FLUSH_TOLERANCE_MS) {
      this.violated('P4', `${by} writes ${nameOf(record)} twice within ${apart.toFixed(0)} ms`);
    }
  }

  /** A node has ended: orderly with everything written, or by a crash, which may cost one sync interval of accesses. */
  lifeEnded(node: SimulatedNode, since: number, isOrderly: boolean): void {
    const oldest = isOrderly ? this.world.now : this.world.now - this.options.times.syncIntervalMs - FLUSH_TOLERANCE_MS;
    for (const [id, byLife] of this.#accesses) {
      const access = byLife.get(node.process);
      // A life that is over has nothing left to write.
      byLife.delete(node.process);
      const record = this.database.rows.get(id);
      if (access === undefined || record === undefined || !this.#lives(record)) continue;
      if (access.trueAt <= oldest && record.lastAccessedAt < access.at && this.world.isCalmSince(since)) {
        this.violated('P4', `${node.process.name} has lost an access of ${nameOf(record)}`);
      }
    }
  }

  /** Nothing is wrong any more and nobody has asked for longer than any interval: everybody knows the same. */
  atRest(nodes: readonly SimulatedNode[]): void {
    this.jobs.atRest();
    for (const node of nodes) {
      const { name } = node.process;
      if (node.touches.size > 0) this.violated('I6', `${name} still has ${node.touches.size} accesses to write`);
      for (const record of this.database.rows.values()) {
        if (isLive(record.status) && node.cutOffs.covers(record) === this.#lives(record)) {
          this.violated('I6', `${name} and the database disagree on whether ${nameOf(record)} is cut off`);
        }
        const entry = node.known.trusted(record.id)?.record;
        if (entry !== undefined && !isSame(entry, record, node.cutOffs.covers(record))) {
          this.violated('I6', `${name} has ${nameOf(record)} v${entry.version}, the database v${record.version}`);
        }
        const access = this.#accesses.get(record.id)?.get(node.process);
        if (access !== undefined && this.#lives(record) && record.lastAccessedAt < access.at) {
          this.violated('I6', `${name} has not written its last access of ${nameOf(record)}`);
        }
      }
    }
  }

  #noteAccess(id: string, node: SimulatedNode, trueAt: number): void {
    const access = { at: Math.floor(SIMULATED_EPOCH_MS + trueAt - this.#clockTolerance(trueAt)), trueAt };
    this.#latestUse.set(id, Math.max(trueAt, this.#latestUse.get(id) ?? 0));
    // A sign-in since its sleep is all that this node has heard of the database: its time is late, and says nothing.
    if (node.clock.now() < (this.#versions(id)[0]?.record.createdAt ?? 0)) return;
    const byLife = this.#accesses.get(id);
    if (byLife === undefined) this.#accesses.set(id, new Map([[node.process, access]]));
    else byLife.set(node.process, access);
  }

  #versions(id: string): readonly CommittedVersion[] {
    return this.database.history.get(id) ?? [];
  }

  /** Whether there is a version since then that has to be loaded. */
  #hasChanged(id: string, since: number): boolean {
    return this.#versions(id).some(({ at, isTouch }) => !isTouch && at >= since);
  }

  /** Not ended, and not cut off either. */
  #lives(record: SessionRecord): boolean {
    return isLive(record.status) && this.database.cutOffSince(record) === undefined;
  }

  #coveredSince(id: string): number | undefined {
    const record = this.database.rows.get(id);
    return record && this.database.cutOffSince(record);
  }

  /** When its end was committed, by its row or by a cut-off. */
  #endOf(id: string): number | undefined {
    const written = this.#versions(id).find(({ record }) => !isLive(record.status))?.at;
    const covered = this.#coveredSince(id);
    return written === undefined || covered === undefined ? (written ?? covered) : Math.min(written, covered);
  }

  #isLeftToThief(token: string, record: SessionRecord, from: number): boolean {
    const now = SIMULATED_EPOCH_MS + this.world.now + this.#clockTolerance(from);
    const isOver = !this.#lives(record) || expiryOf(record, record.lastAccessedAt, now) !== 'none';
    return !isOver && this.tokens.isSurelyReused(token, record, from);
  }

  /** What the row was at any time in between. */
  #during(id: string, from: number, to: number): CommittedVersion[] {
    const versions = this.#versions(id);
    return versions.filter(({ at }, index) => at <= to && (versions[index + 1]?.at ?? Infinity) > from);
  }
}

/** An entry from before a cut-off still says that it lives; whoever compares it with the cut-offs knows better. */
function isSame(entry: SessionRecord, row: SessionRecord, isCutOff: boolean): boolean {
  const status = isCutOff && isLive(row.status) && isLive(entry.status) ? 'revoked' : entry.status;
  const expected = isCutOff && isLive(row.status) ? 'revoked' : row.status;
  const isAlike = entry.tokenDigest === row.tokenDigest && entry.dataVersion === row.dataVersion;
  return entry.version === row.version && status === expected && isAlike;
}

function nameOf(record: SessionRecord): string {
  return String(record.data['name']);
}
