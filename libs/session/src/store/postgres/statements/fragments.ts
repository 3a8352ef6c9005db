import { isLive, type SessionStatus } from '../../../core/lifecycle.js';
import type { SessionFilter, SessionScope } from '../../session-store.js';
import { tenantColumn } from '../session-row.js';
import { AFTER_EVERYBODY, NOT_CUT_OFF } from './cut-off.fragments.js';

/** Written as in the partial indexes, so that the planner sees that they apply. */
export const LIVE = `s.status IN ('pending', 'active', 'suspended')`;

/** True for sessions `s` that may still change: live, and not cut off. */
export const UNENDED = `${LIVE} AND ${NOT_CUT_OFF}`;

/**
 * Touches of the last moment may still be on their way to the row, and a second past the limit is within the promise:
 * nothing is ended for idleness earlier.
 */
export const IDLE_GRACE_MS = 1_000;

/** True where a live session's time is over at the database's `at`; `grace` allows for touches that are on their way. */
export const hasRunOut = (at: string, graceMs = 0): string =>
  `(s.expires_at <= ${at} OR s.last_accessed_at + (s.idle_timeout_ms + ${graceMs}) * interval '1 millisecond' <= ${at})`;

/** The moment of a change: taken after all locks, the same for row and log. */
export const MOMENT = `moment AS MATERIALIZED (SELECT date_trunc('milliseconds', clock_timestamp()) AS at)`;

/** Writes one log row for each row of `source` (a list of session columns aliased `s`). */
export const logFrom = (source: string, type: string, reason: string, actor: string, operation: string): string => `
  INSERT INTO identity_session_event (at, type, session_id, version, tenant_id, user_id, reason, actor, operation_id)
  SELECT moment.at, ${type}, s.id, s.version, s.tenant_id, s.user_id, ${reason}, ${actor}, ${operation}::uuid
  FROM ${source} s, moment`;

/** Collects the parameters of a statement and numbers them. */
export class Parameters {
  readonly values: unknown[] = [];

  /** The placeholder of a value, with its cast. */
  add(value: unknown, cast: string): string {
    this.values.push(value);
    return `$${this.values.length}::${cast}`;
  }
}

/** The condition of a scope, as SQL over `s`. */
export function scopeCondition(scope: SessionScope, parameters: Parameters): string {
  switch (scope.kind) {
    case 'all':
      return 'true';
    case 'tenant':
      return `s.tenant_id = ${parameters.add(scope.tenantId, 'text')}`;
    case 'user':
      return `s.tenant_id = ${parameters.add(tenantColumn(scope.tenantId), 'text')} AND s.user_id = ${parameters.add(scope.userId, 'text')}`;
  }
}

/** The condition of a filter, its scope included, as SQL over `s`. */
export function filterCondition(filter: SessionFilter, parameters: Parameters): string {
  const all = [scopeCondition(filter.scope, parameters)];
  if (filter.ids !== undefined) all.push(`s.id = ANY (${parameters.add(filter.ids, 'uuid[]')})`);
  if (filter.exceptIds !== undefined) all.push(`s.id <> ALL (${parameters.add(filter.exceptIds, 'uuid[]')})`);
  if (filter.afterId !== undefined) all.push(`s.id > ${parameters.add(filter.afterId, 'uuid')}`);
  if (filter.tenantId !== undefined) {
    all.push(`s.tenant_id = ${parameters.add(tenantColumn(filter.tenantId), 'text')}`);
  }
  if (filter.userId !== undefined) all.push(`s.user_id = ${parameters.add(filter.userId, 'text')}`);
  if (filter.clientId === null) all.push('s.client_id IS NULL');
  else if (filter.clientId !== undefined) all.push(`s.client_id = ${parameters.add(filter.clientId, 'text')}`);
  if (filter.deviceType !== undefined) all.push(`s.device_type = ${parameters.add(filter.deviceType, 'text')}`);
  if (filter.status !== undefined) all.push(statusCondition(filter.status, parameters));
  if (filter.ids === undefined && (filter.status === 'live' || filter.status === 'active')) all.push(AFTER_EVERYBODY);
  return all.join(' AND ');
}

/** By the status that the session reads as: what is cut off is revoked, whatever its row says. */
function statusCondition(status: SessionStatus | 'live', parameters: Parameters): string {
  if (status === 'live') return `${UNENDED} AND NOT ${hasRunOut('statement_timestamp()')}`;
  const is = `s.status = ${parameters.add(status, 'text')}`;
  if (status === 'active') return `${is} AND ${UNENDED} AND NOT ${hasRunOut('statement_timestamp()')}`;
  if (status === 'revoked') return `(${is} OR (${LIVE} AND NOT ${NOT_CUT_OFF}))`;
  return isLive(status) ? `${is} AND ${UNENDED}` : is;
}
