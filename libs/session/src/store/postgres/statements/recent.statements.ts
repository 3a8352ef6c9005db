import type { SqlExecutor } from '../sql-executor.js';
import { NOT_CUT_OFF_AMONG_ALL } from './cut-off.fragments.js';
import { hasRunOut, LIVE } from './fragments.js';

/**
 * The live sessions that were last used most recently. No index has the last access, since every touch would write it:
 * the live ones are read and the best kept, once in the life of a node.
 */
export async function readRecent(sql: SqlExecutor, limit: number): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `SELECT s.id FROM identity_session s
     WHERE ${LIVE} AND ${NOT_CUT_OFF_AMONG_ALL} AND NOT ${hasRunOut('statement_timestamp()')}
     ORDER BY s.last_accessed_at DESC LIMIT $1::integer`,
    [limit],
  );
  return rows.map((row) => row.id);
}
