import { isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import { clockTolerance } from './clock-tolerance.js';
import { SimulatedAccesses } from './simulated-accesses.js';
import { SimulatedAnswers } from './simulated-answers.js';
import { SimulatedBulk } from './simulated-bulk.js';
import { SimulatedData } from './simulated-data.js';
import type { CommittedVersion, SimulatedJob } from './simulated-database.js';
import { nameOf, SimulatedHistory } from './simulated-history.js';
import type { SimulatedNode } from './simulated-node.js';
import { holdsSlot } from './simulated-slots.js';
import type { SimulatedSurroundings } from './simulated-surroundings.js';
import { SimulatedTokens } from './simulated-tokens.js';

/** A promise that was not kept. */
export interface SimulatedViolation {
  /** An invariant of the fault table (`I1` to `I7`) or a promise of the design (`P1` to `P8`). */
  readonly promise: string;
  readonly what: string;
}

/** Watches a run and compares what nodes say with what the database had committed, on the true clock. */
export class SimulatedInvariants {
  readonly violations: SimulatedViolation[] = [];
  readonly tokens: SimulatedTokens;
  readonly data: SimulatedData;
  readonly jobs: SimulatedBulk;
  readonly accesses: SimulatedAccesses;
  readonly answers: SimulatedAnswers;
  readonly #history: SimulatedHistory;

  constructor(private readonly surroundings: SimulatedSurroundings) {
    const { database, options } = surroundings;
    const violated = (promise: string, what: string): void => {
      this.#violated(promise, what);
    };
    this.#history = new SimulatedHistory(database);
    this.tokens = new SimulatedTokens(options.times.rotationGraceMs, violated, (since) =>
      clockTolerance(surroundings, since),
    );
    this.data = new SimulatedData(database, (what) => {
      violated('data', what);
    });
    this.jobs = new SimulatedBulk(database, (what) => {
      violated('bulk', what);
    });
    this.accesses = new SimulatedAccesses(surroundings, this.#history, violated);
    const { accesses, tokens, data } = this;
    this.answers = new SimulatedAnswers(surroundings, this.#history, accesses, tokens, data, violated);
  }

  /** What was committed: limits, ends and row writes. */
  committed(versions: readonly CommittedVersion[], jobs: readonly SimulatedJob[]): void {
    for (const version of versions) {
      if (version.isTouch) this.accesses.committed(version);
      else this.#judgeChange(version);
    }
    // What a transaction has written was written at once.
    for (const version of versions) if (!version.isTouch) this.data.committed(version);
    this.jobs.committed(versions, jobs, this.surroundings.world.now);
  }

  #judgeChange({ record }: CommittedVersion): void {
    const name = nameOf(record);
    const past = this.#history.versions(record.id);
    const before = past.at(-2)?.record;
    if (before !== undefined && !isLive(before.status)) {
      const isSame = record.status === before.status && record.endedAt === before.endedAt;
      const isNoted = isSame && this.surroundings.database.undos.get(record.id)?.restorableUntil != null;
      if (!isNoted) this.#violated(isLive(record.status) ? 'I4' : 'I7', `${name} changes after its end`);
    }
    if (past.length === 1 && record.restoredFrom !== null) this.#judgeRestored(record.restoredFrom, name);
    const rows = past.map((version) => version.record);
    if (record.endReason === 'token_reused' && !this.tokens.mayHaveBeenReused(record.id, rows)) {
      this.#violated('R8', `${name} is ended for a token that nobody has used after its grace`);
    }
    const [constraint] = this.surroundings.options.policy;
    if (constraint?.scope !== 'subject' || typeof constraint.limit !== 'number') return;
    const live = [...this.surroundings.database.rows.values()].filter(
      (one) => one.userId === record.userId && this.#history.lives(one) && holdsSlot(one),
    );
    if (live.length > constraint.limit)
      this.#violated('I2', `${record.userId} has ${live.length} sessions that hold a slot`);
  }

  /** What was permitted once is restored once. */
  #judgeRestored(from: string, name: string): void {
    const restored = [...this.surroundings.database.rows.values()].filter(({ restoredFrom }) => restoredFrom === from);
    if (restored.length > 1) this.#violated('undo', `${name} is restored ${restored.length} times`);
    const undo = this.surroundings.database.undos.get(from);
    if (undo?.restorableUntil == null) this.#violated('undo', `${name} is restored, which nobody has permitted`);
    if (undo?.isOpen === false) this.#violated('undo', `${name} is restored, and something has changed since its end`);
  }

  /** Nothing is wrong any more and nobody has asked for longer than any interval: everybody knows the same. */
  atRest(nodes: readonly SimulatedNode[]): void {
    this.jobs.atRest();
    for (const node of nodes) {
      const { name } = node.process;
      if (node.touches.size > 0) this.#violated('I6', `${name} still has ${node.touches.size} accesses to write`);
      for (const record of this.surroundings.database.rows.values()) {
        if (isLive(record.status) && node.cutOffs.covers(record) === this.#history.lives(record)) {
          this.#violated('I6', `${name} and the database disagree on whether ${nameOf(record)} is cut off`);
        }
        const entry = node.known.trusted(record.id)?.record;
        if (entry !== undefined && !isSame(entry, record, node.cutOffs.covers(record))) {
          this.#violated('I6', `${name} has ${nameOf(record)} v${entry.version}, the database v${record.version}`);
        }
        const access = this.accesses.latestOn(node, record.id);
        if (access !== undefined && this.#history.lives(record) && record.lastAccessedAt < access.at) {
          this.#violated('I6', `${name} has not written its last access of ${nameOf(record)}`);
        }
      }
    }
  }

  #violated(promise: string, what: string): void {
    this.violations.push({ promise, what });
    this.surroundings.world.trace.note('VIOLATION', `${promise}: ${what}`);
  }
}

/** An entry from before a cut-off still says that it lives; whoever compares it with the cut-offs knows better. */
function isSame(entry: SessionRecord, row: SessionRecord, isCutOff: boolean): boolean {
  const status = isCutOff && isLive(row.status) && isLive(entry.status) ? 'revoked' : entry.status;
  const expected = isCutOff && isLive(row.status) ? 'revoked' : row.status;
  const isAlike = entry.tokenDigest === row.tokenDigest && entry.dataVersion === row.dataVersion;
  return entry.version === row.version && status === expected && isAlike;
}
