import { EFFECTIVE_COLUMNS, type SessionRow, tenantColumn } from '../session-row.js';
import type { SqlExecutor } from '../sql-executor.js';
import { CUT_OFF_JOIN } from './cut-off.fragments.js';
import { UNENDED } from './fragments.js';

/** The database's time in milliseconds. */
export async function readNow(sql: SqlExecutor): Promise<number> {
  const rows = await sql.query<{ now: number }>(`SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now`);
  return rows[0]?.now ?? Number.NaN;
}

/** Sessions by id, with the time as of which they were read. */
export async function readMany(
  sql: SqlExecutor,
  ids: readonly string[],
): Promise<{ asOf: number; rows: SessionRow[] }> {
  const rows = await sql.query<SessionRow & { as_of: number; found: boolean }>(
    `SELECT moment.at AS as_of, s.id IS NOT NULL AS found, ${EFFECTIVE_COLUMNS}
     FROM (SELECT (extract(epoch FROM statement_timestamp()) * 1000)::float8 AS at) moment
     LEFT JOIN identity_session s ON s.id = ANY ($1::uuid[])
     ${CUT_OFF_JOIN}`,
    [ids],
  );
  return { asOf: rows[0]?.as_of ?? Number.NaN, rows: rows.filter((row) => row.found) };
}

export async function readLast(
  sql: SqlExecutor,
  tenantId: string | null,
  userId: string,
  deviceId: string,
): Promise<SessionRow | undefined> {
  const rows = await sql.query<SessionRow>(
    `SELECT ${EFFECTIVE_COLUMNS} FROM identity_session s ${CUT_OFF_JOIN}
     WHERE s.user_id = $2::text AND s.device_id = $3::text AND s.tenant_id = $1::text
     ORDER BY s.created_at DESC, s.sequence DESC LIMIT 1`,
    [tenantColumn(tenantId), userId, deviceId],
  );
  return rows[0];
}

export async function readExists(sql: SqlExecutor, id: string): Promise<boolean> {
  const rows = await sql.query(`SELECT true AS found FROM identity_session s WHERE s.id = $1::uuid AND ${UNENDED}`, [
    id,
  ]);
  return rows.length > 0;
}
