import { Inject, Injectable } from '@nestjs/common';
import type { SessionStore } from '../../store/session-store.js';
import { LogFollower } from '../module/log-follower.js';
import { SESSION_STORE } from '../module/tokens.js';

export type HealthStatus = 'ok' | 'degraded' | 'unavailable';

export interface HealthCheck {
  readonly status: HealthStatus;
  readonly latencyMs?: number;
  /** How long ago the last read of the change log began. */
  readonly lagMs?: number;
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
  ) {}

  /**
   * Asks the database, and looks whether the change log is followed: without it this node answers right, but by asking
   * the database for every session every few seconds. Never rejects; bounded by the store's deadline.
   */
  async check(): Promise<HealthReport> {
    const log = this.log.report();
    const begunAt = performance.now();
    try {
      await this.store.now();
      const latencyMs = Math.round((performance.now() - begunAt) * 100) / 100;
      return { status: log.status, checks: { database: { status: 'ok', latencyMs }, log } };
    } catch {
      return { status: 'unavailable', checks: { database: { status: 'unavailable' }, log } };
    }
  }
}
