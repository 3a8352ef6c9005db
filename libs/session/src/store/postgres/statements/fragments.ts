import type { ChangeSource } from '../../change-context.js';
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

const msOf = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::bigint`;

/**
 * What session `s` is from a change on, as far as histories tell of it. Each row of the log has all of it and not what
 * was before: the row before it in the log of the session, made under the same lock, has that.
 */
export const LOGGED_STATE = `jsonb_strip_nulls(jsonb_build_object('status', s.status, 'holdsSlot', s.holds_slot AND ${LIVE},
  'protected', NULLIF(s.is_protected, false), 'deviceName', s.device_name, 'assurance', s.assurance, 'authenticatedAt', ${msOf('s.authenticated_at')},
  'expiresAt', ${msOf('s.expires_at')}, 'idleTimeoutMs', s.idle_timeout_ms, 'tokenGeneration', s.token_generation,
  'restoredFrom', s.restored_from,
  'requirements', CASE WHEN s.pending IS NOT NULL THEN
    (SELECT jsonb_object_agg(r ->> 'name', jsonb_array_length(r -> 'met')) FROM jsonb_array_elements(s.pending -> 'requirements') r) END))`;

/** A context that is the same whatever is changed. */
export const fromSource = (source: ChangeSource): string => `'{"source": "${source}"}'`;

/** Writes one log row for each row of `source` (a list of session columns aliased `s`). `context` is an expression too. */
export const logFrom = (
  source: string,
  type: string,
  reason: string,
  actor: string,
  operation: string,
  context: string,
): string => `
  INSERT INTO identity_session_event
    (at, type, session_id, version, tenant_id, user_id, reason, actor, operation_id, state, context)
  SELECT moment.at, ${type}, s.id, s.version, s.tenant_id, s.user_id, ${reason}, ${actor}, ${operation}::uuid,
    ${LOGGED_STATE}, (${context})::jsonb
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
