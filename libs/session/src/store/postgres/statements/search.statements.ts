import type { Page, SessionFilter } from '../../session-store.js';
import { EFFECTIVE_COLUMNS, type SessionRow } from '../session-row.js';
import type { SqlExecutor } from '../sql-executor.js';
import { AFTER_EVERYBODY, BEFORE_EVERYBODY, CUT_OFF_APART, CUT_OFF_JOIN } from './cut-off.fragments.js';
import { conditionWithoutStatus, filterCondition } from './filter.fragments.js';
import { LIVE, Parameters } from './fragments.js';

/** One page by (creation or last access, id). */
export async function readPage(sql: SqlExecutor, filter: SessionFilter, page: Page): Promise<SessionRow[]> {
  const parameters = new Parameters();
  const key = page.sort === 'lastAccessedAt' ? 's.last_accessed_at' : 's.created_at';
  const direction = page.descending ? 'DESC' : 'ASC';
  const from = keysetCondition(key, page, parameters);
  const limit = parameters.add(page.limit, 'int');
  const branches = branchesOf(filter, parameters).map(
    (condition) => `
      (SELECT s.id, ${key} AS key FROM identity_session s WHERE ${condition}${from}
       ORDER BY ${key} ${direction}, s.id ${direction} LIMIT ${limit})`,
  );
  // The keys of the page first: no row is read whole, and asked for its cut-off, that is not on it.
  return sql.query<SessionRow>(
    `SELECT ${EFFECTIVE_COLUMNS} FROM (
       SELECT * FROM (${branches.join(' UNION ALL ')}) found
       ORDER BY found.key ${direction}, found.id ${direction} LIMIT ${limit}
     ) page JOIN identity_session s ON s.id = page.id ${CUT_OFF_JOIN}
     ORDER BY page.key ${direction}, page.id ${direction}`,
    parameters.values,
  );
}

export async function readCount(sql: SqlExecutor, filter: SessionFilter): Promise<number> {
  const parameters = new Parameters();
  const branches = branchesOf(filter, parameters).map(
    (condition) => `(SELECT count(*) FROM identity_session s WHERE ${condition})`,
  );
  const rows = await sql.query<{ count: number }>(
    `SELECT (${branches.join(' + ')})::float8 AS count`,
    parameters.values,
  );
  return rows[0]?.count ?? 0;
}

/** The first ids in id order. All that matches is sorted for it, so it is asked for many at once. */
export async function readIds(sql: SqlExecutor, filter: SessionFilter, limit: number): Promise<string[]> {
  const parameters = new Parameters();
  const branches = branchesOf(filter, parameters).map(
    (condition) => `SELECT s.id FROM identity_session s WHERE ${condition}`,
  );
  const [row] = await sql.query<{ ids: string[] }>(
    `SELECT ARRAY(SELECT found.id FROM (${branches.join(' UNION ALL ')}) found
       ORDER BY found.id LIMIT ${parameters.add(limit, 'int')})::text[] AS ids`,
    parameters.values,
  );
  return row?.ids ?? [];
}

function keysetCondition(key: string, page: Page, parameters: Parameters): string {
  if (page.after === null) return '';
  const last = page.sort === 'lastAccessedAt' ? page.after.lastAccessedAt : page.after.createdAt;
  const at = `to_timestamp(${parameters.add(last, 'float8')} / 1000)::timestamptz(3)`;
  return ` AND (${key}, s.id) ${page.descending ? '<' : '>'} (${at}, ${parameters.add(page.after.id, 'uuid')})`;
}

/**
 * What matches, as conditions that exclude each other, each of which an index can answer in order. What reads as revoked
 * is of three kinds: rows that say so, and live ones that a cut-off ends, of everybody or of less; one condition for all
 * could use no index.
 */
function branchesOf(filter: SessionFilter, parameters: Parameters): string[] {
  if (filter.status !== 'revoked') return [filterCondition(filter, parameters)];
  const rest = conditionWithoutStatus(filter, parameters);
  return [
    `s.status = 'revoked' AND ${rest}`,
    `${LIVE} AND ${BEFORE_EVERYBODY} AND ${rest}`,
    `${LIVE} AND ${AFTER_EVERYBODY} AND ${BEFORE_EVERYBODY} IS NOT TRUE AND ${CUT_OFF_APART} AND ${rest}`,
  ];
}
