import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CutOffs } from '../../sync/cut-offs.js';
import type { LoggedEvent } from '../../sync/change-log.js';
import type { HintChannel } from '../../sync/hint-channel.js';
import type { HintTransport } from '../../sync/hints.js';
import { LOG_HORIZON_MS } from '../../sync/change-log.js';
import { KnownSessions } from '../../sync/known-sessions.js';
import { NodeClock } from '../../sync/node-clock.js';
import { PostgresChangeLog } from '../../sync/postgres/postgres-change-log.js';
import { PostgresHints } from '../../sync/postgres/postgres-hints.js';
import { Tail } from '../../sync/tail.js';
import { SessionEndings } from '../endings/session-endings.js';
import { SessionEventFeed } from '../events/session-event-feed.js';
import type { HealthCheck } from '../health/session-health.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { directConnectionOf } from './direct-connection.js';
import { LogLeaseHolder } from './log-lease-holder.js';
import { schedule } from './schedule.js';
import { HINT_CHANNEL, HINT_TRANSPORT, OWN_DATA_SOURCE, RESOLVED_OPTIONS } from './tokens.js';

/** A read without an answer for this part of the lease is given up, so that another can still come in time. */
const DEADLINE_OF_LEASE = 0.45;
const LEAST_DEADLINE_MS = 250;

/** Of the change log, since the node began and now. */
export type LogFigures = Readonly<Tail['counts']> & {
  readonly leaseAgeMs: number;
  readonly isHeld: boolean;
  readonly delays: { readonly lastMs: number; readonly sumMs: number };
};

/** Follows the change log of PostgreSQL for as long as the application runs. */
@Injectable()
export class LogFollower {
  readonly #logger = new Logger('IdentitySession');
  readonly #tail: Tail<LoggedEvent> | undefined;
  /** How old changes were when they were applied: the newest at last, and all of them together. */
  readonly #delays = { lastMs: 0, sumMs: 0 };
  #isFailing = false;

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(KnownSessions) known: KnownSessions,
    @Inject(NodeClock) clock: NodeClock,
    @Inject(LogLeaseHolder) lease: LogLeaseHolder,
    @Inject(OWN_DATA_SOURCE) dataSource: DataSource | null,
    @Inject(CutOffs) cutOffs: CutOffs,
    @Inject(SessionEndings) endings: SessionEndings,
    @Inject(SessionEventFeed) private readonly events: SessionEventFeed,
    @Inject(HINT_CHANNEL) private readonly hints: HintChannel | null,
    @Inject(HINT_TRANSPORT) private readonly transport: HintTransport | null,
  ) {
    // A store of the application's own has no log that could be followed; entries then live by their own lease.
    if (options.store !== undefined || dataSource === null) return;
    const tail = new Tail<LoggedEvent>(
      { ...options, logHorizonMs: LOG_HORIZON_MS },
      {
        connect: () => this.#connect(dataSource),
        clocks: options.clocks,
        apply: (changes) => {
          cutOffs.apply(changes.flatMap(({ cutOff, reason }) => (cutOff === undefined ? [] : { ...cutOff, reason })));
          known.applyLogged(changes);
          endings.read(changes);
          this.#measure(changes, clock.now());
          this.events.publish(changes);
        },
        restart: (all, reason) => {
          cutOffs.apply(all);
          known.restart();
          this.events.restarted(reason);
        },
        onAnswer: (now, { begunAt, begunAtWall }) => {
          clock.observe(now, begunAt, begunAtWall);
        },
        schedule,
        yieldTurn: () => new Promise((resolve) => setImmediate(resolve)),
        random: Math.random,
        onFailure: (error) => {
          this.#failed(error);
        },
      },
    );
    this.#tail = tail;
    lease.holder = tail;
  }

  /**
   * Resolves once the log is followed, or could not be at first: what is loaded before a position is taken would have to
   * be loaded again after it.
   */
  async start(): Promise<void> {
    const tail = this.#tail;
    if (tail === undefined) return;
    // Before the tail, which may be what they are heard by.
    this.hints?.start(() => {
      tail.wake();
    });
    await tail.start();
  }

  async stop(): Promise<void> {
    this.events.stop();
    if (this.#tail === undefined) return;
    await this.hints?.stop();
    await this.#tail.stop();
  }

  /** What it has read; `undefined` where there is no log to follow. */
  figures(): LogFigures | undefined {
    const tail = this.#tail;
    if (tail === undefined) return undefined;
    const { clocks } = this.options;
    const isHeld = tail.holds(clocks.monotonic(), clocks.wall());
    return { ...tail.counts, leaseAgeMs: tail.leaseAgeMs(), isHeld, delays: this.#delays };
  }

  /** `degraded` while the lease is out. */
  report(): HealthCheck {
    if (this.#tail === undefined) return { status: 'ok' };
    const { clocks } = this.options;
    const lagMs = this.#tail.lagMs();
    const status = this.#tail.holds(clocks.monotonic(), clocks.wall()) ? 'ok' : 'degraded';
    return lagMs === null ? { status } : { status, lagMs: Math.round(lagMs) };
  }

  #measure(changes: readonly LoggedEvent[], now: number): void {
    let newest = Number.NEGATIVE_INFINITY;
    for (const { at } of changes) {
      newest = Math.max(newest, at);
      this.#delays.sumMs += Math.max(0, now - at);
    }
    if (changes.length > 0) this.#delays.lastMs = Math.max(0, now - newest);
  }

  async #connect(dataSource: DataSource): Promise<PostgresChangeLog> {
    const deadlineMs = Math.max(LEAST_DEADLINE_MS, Math.floor(this.options.maxStalenessMs * DEADLINE_OF_LEASE));
    const config = {
      // A network that swallows the greeting would hold the tail up for good.
      connectionTimeoutMillis: deadlineMs,
      ...directConnectionOf(dataSource.options, this.options.directUrl),
      query_timeout: deadlineMs,
    };
    const heardHere = this.transport instanceof PostgresHints ? this.transport : undefined;
    const log = await PostgresChangeLog.connect(config, heardHere);
    this.#isFailing = false;
    return log;
  }

  /** Once for each time that it goes away: a database that stays away is told of by the requests. */
  #failed(error: unknown): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#logger.warn(`The change log cannot be read; sessions are checked in the database: ${String(error)}`);
  }
}
