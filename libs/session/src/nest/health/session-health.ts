import { Inject, Injectable } from '@nestjs/common';
import type { SessionStore } from '../../store/session-store.js';
import type { HintChannel } from '../../sync/hint-channel.js';
import type { HintReport } from '../../sync/hint-probe.js';
import { LogFollower } from '../module/log-follower.js';
import { HINT_CHANNEL, SESSION_STORE } from '../module/tokens.js';

export type HealthStatus = 'ok' | 'degraded' | 'unavailable';

export interface HealthCheck {
  readonly status: HealthStatus;
  readonly latencyMs?: number;
  /** How long ago the last read of the change log began. */
  readonly lagMs?: number;
  /** What the last hint took that a node sent itself. */
  readonly roundTripMs?: number;
}

export interface HealthReport {
  readonly status: HealthStatus;
  readonly checks: Readonly<Record<string, HealthCheck>>;
}

/** Whether sessions can be checked and changed. */
@Injectable()
export class SessionHealth {
  constructor(
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(LogFollower) private readonly log: LogFollower,
    @Inject(HINT_CHANNEL) private readonly hints: HintChannel | null,
  ) {}

  /**
   * Asks the database, and looks whether the change log is followed: without it this node answers right, but by asking
   * the database for every session every few seconds. Hints that do not arrive are told of in `checks` alone: the node
   * answers right all the same. Never rejects; bounded by the store's deadline.
   */
  async check(): Promise<HealthReport> {
    const log = this.log.report();
    const rest = this.hints === null ? { log } : { log, hints: hintCheck(this.hints.report()) };
    const begunAt = performance.now();
    try {
      await this.store.now();
      const latencyMs = Math.round((performance.now() - begunAt) * 100) / 100;
      return { status: log.status, checks: { database: { status: 'ok', latencyMs }, ...rest } };
    } catch {
      return { status: 'unavailable', checks: { database: { status: 'unavailable' }, ...rest } };
    }
  }
}

function hintCheck({ arrive, roundTripMs }: HintReport): HealthCheck {
  const status = arrive === false ? 'degraded' : 'ok';
  return roundTripMs === null ? { status } : { status, roundTripMs: Math.round(roundTripMs * 100) / 100 };
}
