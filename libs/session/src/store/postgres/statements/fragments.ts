import { unknownScope } from '../../session-scope.js';
import type { SessionScope } from '../../session-store.js';
import { tenantColumn } from '../session-row.js';
import { NOT_CUT_OFF } from './cut-off.fragments.js';

/** Written as in the partial indexes, so that the planner sees that they apply. */
export const LIVE = `s.status IN ('pending', 'active', 'suspended')`;

/** True for sessions `s` that may still change: live, and not cut off. */
export const UNENDED = `${LIVE} AND ${NOT_CUT_OFF}`;

/** What is suspended does not change, until it is resumed or ended. */
export const NOT_SUSPENDED = `s.status <> 'suspended'`;

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
      // Named, so that the planner sees that the index of those with a tenant applies.
      return `s.tenant_id = ${parameters.add(scope.tenantId, 'text')} AND s.tenant_id <> ''`;
    case 'user':
      return `s.tenant_id = ${parameters.add(tenantColumn(scope.tenantId), 'text')} AND s.user_id = ${parameters.add(scope.userId, 'text')}`;
    case 'users': {
      const tenants = parameters.add(
        scope.users.map(({ tenantId }) => tenantColumn(tenantId)),
        'text[]',
      );
      const users = parameters.add(
        scope.users.map(({ userId }) => userId),
        'text[]',
      );
      return `s.user_id = ANY (${users}) AND (s.tenant_id, s.user_id) IN (SELECT * FROM unnest(${tenants}, ${users}))`;
    }
    case 'impersonator':
      return `s.impersonator_id = ${parameters.add(scope.userId, 'text')}
        AND s.impersonator_tenant_id = ${parameters.add(tenantColumn(scope.tenantId), 'text')}`;
    case 'any': {
      const parts = scope.of.map((part) => `(${scopeCondition(part, parameters)})`);
      return parts.length === 0 ? 'false' : `(${parts.join(' OR ')})`;
    }
    default:
      throw unknownScope(scope);
  }
}
