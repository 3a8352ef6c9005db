import type { Page, SessionFilter } from '../../session-store.js';
import { EFFECTIVE_COLUMNS, type SessionRow, tenantColumn } from '../session-row.js';
import type { SqlExecutor } from '../sql-executor.js';
import { CUT_OFF_JOIN } from './cut-off.fragments.js';
import { filterCondition, Parameters, UNENDED } from './fragments.js';

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

/** One page by (creation, id). */
export async function readPage(sql: SqlExecutor, filter: SessionFilter, page: Page): Promise<SessionRow[]> {
  const parameters = new Parameters();
  const conditions = [filterCondition(filter, parameters)];
  if (page.after !== null) {
    const createdAt = `to_timestamp(${parameters.add(page.after.createdAt, 'float8')} / 1000)::timestamptz(3)`;
    const id = parameters.add(page.after.id, 'uuid');
    conditions.push(`(s.created_at, s.id) ${page.descending ? '<' : '>'} (${createdAt}, ${id})`);
  }
  const direction = page.descending ? 'DESC' : 'ASC';
  return sql.query<SessionRow>(
    `SELECT ${EFFECTIVE_COLUMNS} FROM identity_session s ${CUT_OFF_JOIN}
     WHERE ${conditions.join(' AND ')}
     ORDER BY s.created_at ${direction}, s.id ${direction} LIMIT ${parameters.add(page.limit, 'int')}`,
    parameters.values,
  );
}

export async function readCount(sql: SqlExecutor, filter: SessionFilter): Promise<number> {
  const parameters = new Parameters();
  const rows = await sql.query<{ count: number }>(
    `SELECT count(*)::float8 AS count FROM identity_session s WHERE ${filterCondition(filter, parameters)}`,
    parameters.values,
  );
  return rows[0]?.count ?? 0;
}
