import { isHeld } from '../cache/lease.js';
import { IdentitySessionError } from '../core/errors.js';
import type { SessionRecord } from '../core/session.js';
import type { Snapshot } from '../store/session-store.js';
import type { ProcessClocks } from './node-clock.js';

/** When something began, on both clocks of the process: trust counts from here. */
export interface Moment {
  readonly begunAt: number;
  readonly begunAtWall: number;
}

/** What a load found: the record, when the load began, and whether a change was applied meanwhile. */
export interface LoadedSession extends Moment {
  readonly record: SessionRecord | undefined;
  /** True where a change of the session was applied after the load began: the record may be out of date. */
  readonly overtaken: boolean;
  /** When the primary had it so, in milliseconds on the database's clock and never later. */
  readonly asOf: number;
}

export interface SessionLoaderPorts {
  readonly findMany: (ids: readonly string[]) => Promise<Snapshot>;
  readonly clocks: ProcessClocks;
  /** A load that began longer ago is joined by nobody. */
  readonly maxStalenessMs: number;
  /** Told the database's time with each answer. */
  readonly onAnswer: (asOf: number, asked: Moment) => void;
  /** Runs a task after what is happening now, so that loads of one tick share a statement. */
  readonly defer: (task: () => void) => void;
}

/** Loads that wait for the database at once; more are refused, since they could not be answered in time. */
const MOST_WAITING = 10_000;
/** Ids in one statement. */
const BATCH = 500;
/** Statements under way at once, so that loads leave connections to everybody else. */
const MOST_STATEMENTS = 4;

class Flight {
  begunAt = Number.NaN;
  begunAtWall = Number.NaN;
  overtaken = false;
  resolve!: (loaded: LoadedSession) => void;
  reject!: (error: unknown) => void;
  readonly result = new Promise<LoadedSession>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor(readonly id: string) {}

  get hasBegun(): boolean {
    return !Number.isNaN(this.begunAt);
  }
}

/**
 * Reads sessions from the primary: one load per session at a time, the loads of one tick in one statement, bounded in
 * number. A load that was overtaken by a change is answered to those who waited for it and joined by nobody else.
 */
export class SessionLoader {
  /** Since the node began. */
  readonly counts = { sessions: 0, statements: 0, failures: 0, refused: 0 };
  /** The load that a newcomer may join, by session id. */
  readonly #flights = new Map<string, Flight>();
  /** Every load that has begun and not landed: a newer one of the same session does not make it current. */
  readonly #begun = new Map<string, Set<Flight>>();
  #queue: Flight[] = [];
  #statements = 0;
  #isScheduled = false;

  constructor(private readonly ports: SessionLoaderPorts) {}

  /**
   * Loads one session. With `fresh`, never joins a load that has begun before the call.
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE`
   */
  load(id: string, fresh = false): Promise<LoadedSession> {
    const present = this.#flights.get(id);
    if (present !== undefined && !(present.hasBegun && (fresh || this.#isStale(present)))) return present.result;
    if (this.#queue.length >= MOST_WAITING) {
      this.counts.refused += 1;
      return Promise.reject(overloaded());
    }
    const flight = new Flight(id);
    this.#flights.set(id, flight);
    this.#queue.push(flight);
    this.#schedule();
    return flight.result;
  }

  /** Loads that no statement has been sent for yet. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** A change of the session was applied: what is being loaded may predate it. */
  overtake(id: string): void {
    for (const flight of this.#begun.get(id) ?? []) flight.overtaken = true;
    if (this.#flights.get(id)?.hasBegun === true) this.#flights.delete(id);
  }

  /** Whatever is being loaded may be out of date. */
  overtakeAll(): void {
    for (const id of [...this.#begun.keys()]) this.overtake(id);
  }

  #schedule(): void {
    if (this.#isScheduled || this.#queue.length === 0 || this.#statements >= MOST_STATEMENTS) return;
    this.#isScheduled = true;
    this.ports.defer(() => {
      this.#isScheduled = false;
      while (this.#queue.length > 0 && this.#statements < MOST_STATEMENTS) void this.#runBatch();
    });
  }

  async #runBatch(): Promise<void> {
    const batch = this.#queue.slice(0, BATCH);
    this.#queue = this.#queue.slice(BATCH);
    this.#statements += 1;
    this.counts.statements += 1;
    this.counts.sessions += batch.length;
    const begunAt = this.ports.clocks.monotonic();
    const begunAtWall = this.ports.clocks.wall();
    for (const flight of batch) {
      flight.begunAt = begunAt;
      flight.begunAtWall = begunAtWall;
      const begun = this.#begun.get(flight.id);
      if (begun === undefined) this.#begun.set(flight.id, new Set([flight]));
      else begun.add(flight);
    }
    try {
      const { records, asOf } = await this.ports.findMany(batch.map((flight) => flight.id));
      this.ports.onAnswer(asOf, { begunAt, begunAtWall });
      const byId = new Map(records.map((record) => [record.id, record]));
      for (const flight of batch) {
        this.#land(flight);
        flight.resolve({ record: byId.get(flight.id), begunAt, begunAtWall, overtaken: flight.overtaken, asOf });
      }
    } catch (error) {
      this.counts.failures += 1;
      for (const flight of batch) {
        this.#land(flight);
        flight.reject(error);
      }
    } finally {
      this.#statements -= 1;
      this.#schedule();
    }
  }

  #land(flight: Flight): void {
    if (this.#flights.get(flight.id) === flight) this.#flights.delete(flight.id);
    const begun = this.#begun.get(flight.id);
    begun?.delete(flight);
    if (begun?.size === 0) this.#begun.delete(flight.id);
  }

  /** Whoever joined it would be answered from longer ago than memory may be trusted. */
  #isStale(flight: Flight): boolean {
    const { clocks, maxStalenessMs } = this.ports;
    const lease = {
      monotonicUntil: flight.begunAt + maxStalenessMs,
      wallUntil: flight.begunAtWall + maxStalenessMs,
    };
    return !isHeld(lease, clocks.monotonic(), clocks.wall());
  }
}

function overloaded(): IdentitySessionError {
  return new IdentitySessionError(
    'SESSION_STORE_UNAVAILABLE',
    `More than ${MOST_WAITING} sessions wait to be loaded; the database does not keep up. Try again.`,
    { retryAfterSeconds: 1 },
  );
}
