import type { SessionFilter } from '../../session-store.js';
import type { SqlExecutor } from '../sql-executor.js';
import { idRange, likePrefix } from './filter.fragments.js';
import { LIVE, Parameters } from './fragments.js';

/** Whatever fewer sessions than this have is looked up; what more have is soon met on the way through all. */
const MOST_CANDIDATES = 500;
/** Of sessions that have moved, more may be looked at: most of them have ended. */
const MOST_MOVES = 2 * MOST_CANDIDATES;

/**
 * The ids of all sessions that an address or a prefix can mean; `undefined` where these are many. The planner cannot
 * tell the two apart: it does not know who moved where, nor that a prefix is that of ended sessions alone.
 */
async function readCandidates(sql: SqlExecutor, filter: SessionFilter): Promise<string[] | undefined> {
  const parameters = new Parameters();
  const status = coarseStatus(filter.status, parameters);
  const limit = MOST_CANDIDATES + 1;
  const matches: string[] = [];
  const moves: string[] = [];
  if (filter.ip !== undefined) {
    const is = `= ${parameters.add(filter.ip, 'text')}`;
    matches.push(`s.initial_ip ${is}`);
    moves.push(`a.ip ${is}`);
  }
  if (filter.q !== undefined && filter.ip === undefined) {
    const like = `LIKE ${parameters.add(likePrefix(filter.q), 'text')}`;
    matches.push(`s.initial_ip ${like}`, `s.user_id ${like}`);
    moves.push(`a.ip ${like}`);
    const ids = idRange(filter.q, parameters);
    if (ids !== undefined) matches.push(ids);
  }
  const found = matches.map((match) => `(SELECT s.id FROM identity_session s WHERE ${match}${status} LIMIT ${limit})`);
  const rows = await sql.query<{ ids: string[]; moves: number }>(
    `WITH moved AS MATERIALIZED (
       SELECT a.session_id FROM identity_session_address a WHERE ${moves.join(' AND ')} LIMIT ${MOST_MOVES + 1}
     ),
     found AS (
       ${found.join(' UNION ')}
       UNION SELECT s.id FROM moved JOIN identity_session s ON s.id = moved.session_id
         WHERE (SELECT count(*) FROM moved) <= ${MOST_MOVES}${status}
     )
     SELECT ARRAY(SELECT id FROM found LIMIT ${limit}) AS ids, (SELECT count(*)::int FROM moved) AS moves`,
    parameters.values,
  );
  const [row] = rows;
  if (row === undefined || row.moves > MOST_MOVES || row.ids.length > MOST_CANDIDATES) return undefined;
  return row.ids;
}

/** The same sessions, named where they can be: an address or a prefix has no index that a page could be read from. */
export async function narrowed(sql: SqlExecutor, filter: SessionFilter): Promise<SessionFilter> {
  if ((filter.ip === undefined && filter.q === undefined) || filter.ids !== undefined || filter.userId !== undefined) {
    return filter;
  }
  const ids = await readCandidates(sql, filter);
  return ids === undefined ? filter : { ...filter, ids };
}

/** What the row of a session that reads as of the status must say; a cut-off may have revoked a live one. */
function coarseStatus(status: SessionFilter['status'], parameters: Parameters): string {
  if (status === undefined) return '';
  if (status === 'live' || status === 'unended') return ` AND ${LIVE}`;
  if (status === 'revoked') return ` AND (s.status = 'revoked' OR ${LIVE})`;
  return ` AND s.status = ${parameters.add(status, 'text')}`;
}
