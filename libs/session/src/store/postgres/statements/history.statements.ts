import type { LoggedContext } from '../../change-context.js';
import {
  type DataValues,
  fieldChanges,
  type HistoryPage,
  type LoggedState,
  type SessionHistoryEntry,
  shownContext,
  type UserHistoryEntry,
} from '../../session-history.js';
import type { SessionScope } from '../../session-store.js';
import { tenantColumn, tenantOf } from '../session-row.js';
import type { SqlExecutor } from '../sql-executor.js';
import { CUT_OFF_JOIN } from './cut-off.fragments.js';
import { Parameters, scopeCondition } from './fragments.js';

interface HistoryRow {
  readonly id: string | null;
  readonly type: string;
  readonly at: number;
  readonly version: number | null;
  readonly reason: string | null;
  readonly actor: string | null;
  readonly context: LoggedContext | null;
  readonly before: LoggedState | null;
  readonly after: LoggedState | null;
  readonly details: { readonly keys?: unknown; readonly values?: Readonly<Record<string, DataValues>> } | null;
}

/** What the log row `e` tells. Where it has what the session is then, the one before it of the session had what it was. */
const ENTRY = `e.id, e.type, e.at, e.version, e.reason, e.actor, e.context, e.state AS after,
  CASE WHEN e.state IS NOT NULL THEN (
    SELECT earlier.state FROM identity_session_event earlier
    WHERE earlier.session_id = e.session_id AND earlier.id < e.id AND earlier.state IS NOT NULL
    ORDER BY earlier.id DESC LIMIT 1) END AS before,
  CASE WHEN e.type = 'data_changed' THEN e.details END AS details`;

const SHOWN = `h.id::text AS id, h.type, (extract(epoch FROM h.at) * 1000)::float8 AS at, h.version, h.reason, h.actor,
  h.context, h.before, h.after, h.details`;

function entryOf(row: HistoryRow): SessionHistoryEntry {
  const { id, type, at, version, reason, actor, before, after, details } = row;
  const keys = Array.isArray(details?.keys) ? details.keys.filter((key) => typeof key === 'string') : undefined;
  const changes = fieldChanges({ type, before, after, keys, values: details?.values });
  return { id, type, at, version, reason, actor, ...changes, ...shownContext(row.context) };
}

/** The log rows of one session in scope, and a cut-off that has ended it since; `undefined` without such a session. */
export async function readHistory(
  sql: SqlExecutor,
  scope: SessionScope,
  id: string,
  page: HistoryPage,
): Promise<SessionHistoryEntry[] | undefined> {
  const parameters = new Parameters();
  const where = `s.id = ${parameters.add(id, 'uuid')} AND ${scopeCondition(scope, parameters)}`;
  const after = parameters.add(page.after ?? '0', 'bigint');
  const rows = await sql.query<HistoryRow & { readonly found: boolean }>(
    `WITH owner AS MATERIALIZED (
       SELECT s.id, cut.not_before, cut.reason, cut.actor FROM identity_session s ${CUT_OFF_JOIN} WHERE ${where}
     )
     SELECT h.type IS NOT NULL AS found, ${SHOWN}
     FROM owner LEFT JOIN LATERAL (
       (SELECT ${ENTRY} FROM identity_session_event e
        WHERE e.session_id = owner.id AND e.id > ${after} ORDER BY e.id LIMIT ${parameters.add(page.limit, 'int')})
       UNION ALL
       SELECT NULL, 'cut_off', owner.not_before, NULL, owner.reason, owner.actor, NULL, NULL, NULL, NULL
       WHERE owner.not_before IS NOT NULL
     ) h ON true
     ORDER BY h.id NULLS LAST LIMIT ${parameters.add(page.limit, 'int')}`,
    parameters.values,
  );
  if (rows.length === 0) return undefined;
  return rows.filter(({ found }) => found).map(entryOf);
}

/**
 * The log rows of a user within the scope, which the row itself tells but for who signed in as the user: sessions go before
 * the log of them does.
 */
export async function readUserHistory(
  sql: SqlExecutor,
  scope: SessionScope,
  userId: string,
  page: HistoryPage,
  tenantId?: string | null,
): Promise<UserHistoryEntry[]> {
  const parameters = new Parameters();
  const user = parameters.add(userId, 'text');
  const inTenant = tenantId === undefined ? 'true' : `e.tenant_id = ${parameters.add(tenantColumn(tenantId), 'text')}`;
  const inScope = scopeCondition(scope, parameters);
  const rows = await sql.query<HistoryRow & { id: string; session_id: string | null; tenant_id: string }>(
    `SELECT h.session_id, h.tenant_id, ${SHOWN}
     FROM (
       SELECT e.session_id, e.tenant_id, ${ENTRY} FROM identity_session_event e
       LEFT JOIN identity_session o ON o.id = e.session_id
       CROSS JOIN LATERAL (
         SELECT e.tenant_id, e.user_id, o.impersonator_tenant_id, o.impersonator_id) s
       WHERE e.user_id = ${user} AND e.id > ${parameters.add(page.after ?? '0', 'bigint')} AND ${inTenant} AND ${inScope}
       ORDER BY e.id LIMIT ${parameters.add(page.limit, 'int')}) h
     ORDER BY h.id`,
    parameters.values,
  );
  return rows.map((row) => ({
    ...entryOf(row),
    id: row.id,
    sessionId: row.session_id,
    tenantId: tenantOf(row.tenant_id),
  }));
}
