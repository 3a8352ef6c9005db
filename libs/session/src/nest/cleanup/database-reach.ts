import { Inject, Injectable } from '@nestjs/common';
import { TouchBuffer } from '../../sync/touch-buffer.js';
import { LogFollower } from '../module/log-follower.js';
import { RESOLVED_OPTIONS } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';

const LOOK_EVERY_MS = 2_000;
/** A connection that was cut while idle fails once; a database that is away fails again. */
const FAILURES_OF_AN_OUTAGE = 2;

/**
 * Remembers when the database could last not be reached from here. While it cannot be, accesses wait in the memory of
 * nodes, and sessions in use look idle to whoever asks the database alone.
 */
@Injectable()
export class DatabaseReach {
  #awayAt = Number.NEGATIVE_INFINITY;
  #lookedAt: { readonly monotonic: number; readonly wall: number } | undefined;
  #logFailures = 0;
  #touchFailures = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(LogFollower) private readonly log: LogFollower,
    @Inject(TouchBuffer) private readonly touches: TouchBuffer,
  ) {}

  start(): void {
    this.#look();
    this.#timer = setInterval(() => {
      this.#look();
    }, LOOK_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Something else has failed for want of the database. */
  missed(): void {
    this.#awayAt = this.options.clocks.monotonic();
  }

  /** True where it was away, or this process asleep, less than `ms` ago. */
  wasAwayWithin(ms: number): boolean {
    this.#look();
    return this.options.clocks.monotonic() - this.#awayAt < ms;
  }

  #look(): void {
    const { clocks, maxStalenessMs } = this.options;
    const now = { monotonic: clocks.monotonic(), wall: clocks.wall() };
    const last = this.#lookedAt ?? now;
    const elapsedMs = Math.max(now.monotonic - last.monotonic, now.wall - last.wall);
    const hasSlept = this.#timer !== undefined && elapsedMs > LOOK_EVERY_MS + maxStalenessMs;
    const log = this.log.figures();
    const { failures } = this.touches.counts;
    // Before the first read there was no lease to be lost.
    const isLeaseOut = log !== undefined && log.reads > 0 && !log.isHeld;
    const hasLogFailed = log !== undefined && log.failures - this.#logFailures >= FAILURES_OF_AN_OUTAGE;
    if (hasSlept || isLeaseOut || hasLogFailed || failures > this.#touchFailures) this.missed();
    this.#lookedAt = now;
    this.#logFailures = log?.failures ?? 0;
    this.#touchFailures = failures;
  }
}
