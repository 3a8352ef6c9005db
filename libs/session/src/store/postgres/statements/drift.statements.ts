import { hash } from 'node:crypto';
import { type Drift, MOST_DRIFTS } from '../../drift-log.js';
import type { SqlExecutor } from '../sql-executor.js';
import { fromSource, MOMENT, UNENDED } from './fragments.js';

/** Writes the log row of a drift, unless the session has one of it already. */
export async function insertDrift(sql: SqlExecutor, id: string, { kind, to }: Drift): Promise<boolean> {
  const rows = await sql.query(
    `WITH ${MOMENT},
     earlier AS (
       SELECT e.operation_id FROM identity_session_event e
       WHERE e.session_id = $1::uuid AND e.type = 'drifted' LIMIT ${MOST_DRIFTS}
     )
     INSERT INTO identity_session_event
       (at, type, session_id, version, tenant_id, user_id, reason, actor, operation_id, context, details)
     SELECT moment.at, 'drifted', s.id, s.version, s.tenant_id, s.user_id, $2::text, NULL, $3::uuid, ${fromSource('drift')}, $4::jsonb
     FROM identity_session s, moment
     WHERE s.id = $1::uuid AND ${UNENDED}
       AND NOT EXISTS (SELECT FROM earlier WHERE earlier.operation_id = $3::uuid)
       AND (SELECT count(*) FROM earlier) < ${MOST_DRIFTS}
     RETURNING id`,
    [id, kind, placeId(id, kind, to), JSON.stringify({ to })],
  );
  return rows.length > 0;
}

/** The same for the same place, so that it is recognised. */
function placeId(id: string, kind: string, to: string): string {
  return hash('sha256', `${id} ${kind} ${to}`, 'hex').slice(0, 32);
}
