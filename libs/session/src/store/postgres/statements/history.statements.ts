import type { HistoryPage, SessionHistoryEntry, SessionScope } from '../../session-store.js';
import type { SqlExecutor } from '../sql-executor.js';
import { CUT_OFF_JOIN } from './cut-off.fragments.js';
import { Parameters, scopeCondition } from './fragments.js';

interface HistoryRow {
  readonly found: boolean;
  readonly id: string | null;
  readonly type: string;
  readonly at: number;
  readonly version: number | null;
  readonly reason: string | null;
  readonly actor: string | null;
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
  const rows = await sql.query<HistoryRow>(
    `WITH owner AS MATERIALIZED (
       SELECT s.id, cut.not_before, cut.reason, cut.actor FROM identity_session s ${CUT_OFF_JOIN} WHERE ${where}
     )
     SELECT h.type IS NOT NULL AS found, h.id::text AS id, h.type,
       (extract(epoch FROM h.at) * 1000)::float8 AS at, h.version, h.reason, h.actor
     FROM owner LEFT JOIN LATERAL (
       (SELECT e.id, e.type, e.at, e.version, e.reason, e.actor FROM identity_session_event e
        WHERE e.session_id = owner.id AND e.id > ${after} ORDER BY e.id LIMIT ${parameters.add(page.limit, 'int')})
       UNION ALL
       SELECT NULL, 'cut_off', owner.not_before, NULL, owner.reason, owner.actor WHERE owner.not_before IS NOT NULL
     ) h ON true
     ORDER BY h.id NULLS LAST LIMIT ${parameters.add(page.limit, 'int')}`,
    parameters.values,
  );
  if (rows.length === 0) return undefined;
  return rows.filter(({ found }) => found).map(({ found: _, ...entry }) => entry);
}
