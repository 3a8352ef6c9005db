import { Inject, Injectable } from '@nestjs/common';
import type { SessionStore } from '../../store/session-store.js';
import { SESSION_STORE } from '../module/tokens.js';

export type HealthStatus = 'ok' | 'degraded' | 'unavailable';

export interface HealthReport {
  readonly status: HealthStatus;
  readonly checks: Readonly<Record<string, { readonly status: HealthStatus; readonly latencyMs?: number }>>;
}

/** Whether sessions can be checked and changed. */
@Injectable()
export class SessionHealth {
  constructor(@Inject(SESSION_STORE) private readonly store: SessionStore) {}

  /** Asks the database. Never rejects; bounded by the store's deadline. */
  async check(): Promise<HealthReport> {
    const begunAt = performance.now();
    try {
      await this.store.now();
      const latencyMs = Math.round((performance.now() - begunAt) * 100) / 100;
      return { status: 'ok', checks: { database: { status: 'ok', latencyMs } } };
    } catch {
      return { status: 'unavailable', checks: { database: { status: 'unavailable' } } };
    }
  }
}
