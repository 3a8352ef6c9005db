import { isHeld, type Lease } from '../cache/lease.js';
import type { CutOff } from '../core/cut-off.js';
import type { ChangeLogConnection, LoggedChange, LogRead } from './change-log.js';
import type { ProcessClocks } from './node-clock.js';
import type { LogProgress } from './log-progress.js';
import type { Moment } from './session-loader.js';

export interface TailOptions {
  /** The log is read at least this often. */
  readonly tailIntervalMs: number;
  /** For how long what was read may be trusted, from when the read began. */
  readonly maxStalenessMs: number;
  /** After this long without a read the log may have forgotten rows that were never read here. */
  readonly logHorizonMs: number;
}

/** Why a node took a new position in the log; but for the first, it may have missed changes. */
export type RestartReason = 'started' | 'connection-lost' | 'server-restarted' | 'log-horizon';

export interface TailPorts<TChange extends LoggedChange = LoggedChange> {
  readonly connect: () => Promise<ChangeLogConnection<TChange>>;
  readonly clocks: ProcessClocks;
  /** Takes in changes; synchronous, so that what it has returned from is true of every later check. */
  readonly apply: (changes: readonly TChange[]) => void;
  /** Forgets all sessions: what came between two positions was not seen. Takes in all cut-offs there are. */
  readonly restart: (cutOffs: readonly CutOff[], reason: RestartReason) => void;
  /** Told the database's time with each read. */
  readonly onAnswer: (now: number, asked: Moment) => void;
  /** Calls `task` once after `delayMs`; the answer cancels it. */
  readonly schedule: (task: () => void, delayMs: number) => () => void;
  /** Lets other work run between two slices of a large read. */
  readonly yieldTurn: () => Promise<void>;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly onFailure: (error: unknown) => void;
}

/** Changes that are applied without letting anybody else run. */
const SLICE = 500;
const NO_LEASE: Lease = { monotonicUntil: Number.NEGATIVE_INFINITY, wallUntil: Number.NEGATIVE_INFINITY };
const FIRST_RETRY_MS = 50;
/** So that a node is back within two seconds of its network. */
const LONGEST_RETRY_MS = 1_800;

/**
 * Follows the change log. While its lease holds, everything in memory is as true as if it had been loaded within
 * `maxStalenessMs`. One read is under way at a time, and one more is remembered: a hint that comes during a read may
 * tell of what that read does not see.
 */
export class Tail<TChange extends LoggedChange = LoggedChange> implements LogProgress {
  /** Since the node began. A restart is a new position, the first one included. */
  readonly counts = { reads: 0, failures: 0, restarts: 0, changes: 0 };
  #connection: ChangeLogConnection<TChange> | undefined;
  #last: (LogRead & { readonly begunAt: Moment }) | undefined;
  #isRunning = false;
  #isReading = false;
  #isWanted = false;
  #failures = 0;
  #cancelNext: () => void = () => undefined;
  #lease: Lease = NO_LEASE;
  #openedAt = Number.POSITIVE_INFINITY;
  #server = '';
  #leaseFrom: Moment = { begunAt: Number.NaN, begunAtWall: Number.NaN };
  #idle: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: TailOptions,
    private readonly ports: TailPorts<TChange>,
  ) {}

  /** True while what this node has seen of the log is recent enough to be trusted. */
  holds(monotonic: number, wall: number): boolean {
    return isHeld(this.#lease, monotonic, wall);
  }

  get openedAt(): number {
    return this.#openedAt;
  }

  get server(): string {
    return this.#server;
  }

  get appliedAsOf(): number {
    return this.#last?.asOf ?? Number.NEGATIVE_INFINITY;
  }

  /** How long ago the last read that was applied began, in milliseconds; `null` before the first. */
  lagMs(): number | null {
    return this.#last === undefined ? null : this.ports.clocks.monotonic() - this.#last.begunAt.begunAt;
  }

  /** As `lagMs`, but by whichever clock says more, and growing while reads fail; before the first, since the start. */
  leaseAgeMs(): number {
    const { clocks } = this.ports;
    return Math.max(clocks.monotonic() - this.#leaseFrom.begunAt, clocks.wall() - this.#leaseFrom.begunAtWall);
  }

  /** Resolves after the first attempt to read, whatever came of it. */
  start(): Promise<void> {
    this.#leaseFrom = { begunAt: this.ports.clocks.monotonic(), begunAtWall: this.ports.clocks.wall() };
    this.#isRunning = true;
    this.#wake();
    return this.#idle;
  }

  /** Reads now. Called for every hint; a forged or doubled one costs one small query at most. */
  wake(): void {
    // After a failure the delay counts, not the hints: it is what keeps nodes from storming a database.
    if (this.#failures === 0) this.#wake();
  }

  /** Stops for good; resolves once nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#cancelNext();
    this.#lapse();
    await this.#disconnect();
    await this.#idle;
    // A connection that was being made arrives after the first.
    await this.#disconnect();
  }

  #wake(): void {
    if (!this.#isRunning) return;
    this.#isWanted = true;
    if (this.#isReading) return;
    this.#isReading = true;
    this.#idle = this.#readWhileWanted();
  }

  async #readWhileWanted(): Promise<void> {
    this.#cancelNext();
    let delayMs = this.options.tailIntervalMs;
    while (this.#isWanted && this.#isRunning) {
      this.#isWanted = false;
      try {
        await this.#read();
        this.#failures = 0;
      } catch (error) {
        this.counts.failures += 1;
        this.ports.onFailure(error);
        await this.#disconnect();
        delayMs = this.#retryDelay();
        break;
      }
    }
    this.#isReading = false;
    if (!this.#isRunning) return;
    this.#cancelNext = this.ports.schedule(() => {
      this.#wake();
    }, delayMs);
  }

  async #read(): Promise<void> {
    const connection = (this.#connection ??= await this.ports.connect());
    const begunAt = { begunAt: this.ports.clocks.monotonic(), begunAtWall: this.ports.clocks.wall() };
    const last = this.#last;
    if (last === undefined) {
      await this.#begin(connection, begunAt, this.counts.restarts === 0 ? 'started' : 'connection-lost');
      return;
    }
    if (this.#isBeyondHorizon(last.begunAt, begunAt)) {
      await this.#begin(connection, begunAt, 'log-horizon');
      return;
    }
    const read = await connection.readSince(last.position);
    if (read.serverStartedAt !== last.serverStartedAt || read.nextTransaction < last.nextTransaction) {
      const again = { begunAt: this.ports.clocks.monotonic(), begunAtWall: this.ports.clocks.wall() };
      await this.#begin(connection, again, 'server-restarted');
      return;
    }
    for (let start = 0; start < read.changes.length; start += SLICE) {
      if (start > 0) await this.ports.yieldTurn();
      this.ports.apply(read.changes.slice(start, start + SLICE));
    }
    this.#applied(read, begunAt);
  }

  /** A new position: nothing that is in memory is covered by what follows it. */
  async #begin(connection: ChangeLogConnection, begunAt: Moment, reason: RestartReason): Promise<void> {
    this.#lapse();
    const opening = await connection.open();
    this.#openedAt = opening.now;
    this.#server = opening.serverStartedAt;
    this.counts.restarts += 1;
    this.ports.restart(opening.cutOffs, reason);
    this.#applied(opening, begunAt);
  }

  #applied(read: LogRead, begunAt: Moment): void {
    this.counts.reads += 1;
    this.counts.changes += read.changes.length;
    this.ports.onAnswer(read.now, begunAt);
    if (!this.#isRunning) return;
    this.#last = { ...read, changes: [], begunAt };
    this.#leaseFrom = begunAt;
    const { maxStalenessMs } = this.options;
    this.#lease = {
      monotonicUntil: begunAt.begunAt + maxStalenessMs,
      wallUntil: begunAt.begunAtWall + maxStalenessMs,
    };
  }

  #isBeyondHorizon(last: Moment, now: Moment): boolean {
    const elapsed = Math.max(now.begunAt - last.begunAt, now.begunAtWall - last.begunAtWall);
    return elapsed > this.options.logHorizonMs;
  }

  /** The position goes with the connection: what a server that went away has forgotten cannot be told afterwards. */
  async #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#last = undefined;
    await connection?.close().catch(() => undefined);
  }

  #lapse(): void {
    this.#lease = NO_LEASE;
  }

  #retryDelay(): number {
    const longest = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LONGEST_RETRY_MS);
    this.#failures += 1;
    return longest * (0.5 + this.ports.random() / 2);
  }
}
