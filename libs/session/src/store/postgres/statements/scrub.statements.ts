import type { SqlExecutor } from '../sql-executor.js';
import { ago, counted, LIVE_LOCK, NOW } from './cleanup.fragments.js';
import { LIVE } from './fragments.js';
import { countOf, type Counted } from './row-count.js';
import { MY_TURN, turnAt } from './turn.fragments.js';

/**
 * Rows of the log that say where a session was used: drift, by a place and by an id that can be computed from one, and the
 * addresses that changes came from.
 */
const TELLS_PLACE = `((e.type = 'drifted' AND e.details IS NOT NULL) OR e.context ? 'ip')`;
const FORGET_PLACE = `details = CASE WHEN e.type = 'drifted' THEN NULL ELSE e.details END,
  operation_id = CASE WHEN e.type = 'drifted' THEN NULL ELSE e.operation_id END, context = e.context - 'ip'`;

/** The address in use is kept for as long as it is in use. */
export const hasOldAddress = (afterMs: string): string => `(s.created_at <= ${ago(afterMs)} AND (
  s.initial_ip IS NOT NULL OR s.location IS NOT NULL OR (s.last_ip IS NOT NULL AND s.last_accessed_at <= ${ago(afterMs)})
  OR EXISTS (SELECT FROM identity_session_address a WHERE a.session_id = s.id AND a.last_seen_at <= ${ago(afterMs)}
             AND a.ip IS DISTINCT FROM s.last_ip)
  OR EXISTS (SELECT FROM identity_session_event e WHERE e.session_id = s.id AND e.at <= ${ago(afterMs)} AND ${TELLS_PLACE})))`;

/**
 * Removes what is no longer seen of the addresses of live sessions; gives how many sessions that changed. The address that
 * stays is written down as one that the session came to: searches look for it there, and not in the column that touches
 * write.
 */
export async function scrubLive(sql: SqlExecutor, afterMs: number, ids: readonly string[]): Promise<number> {
  const old = ago('$1::float8');
  return countOf(
    await sql.query<Counted>(
      `WITH locked AS MATERIALIZED (
         SELECT s.id, s.created_at, s.last_accessed_at,
           CASE WHEN s.last_accessed_at <= ${old} THEN NULL ELSE s.last_ip END AS kept_ip
         FROM identity_session s
         WHERE s.id = ANY ($2::uuid[]) AND ${LIVE} AND ${hasOldAddress('$1::float8')} ${LIVE_LOCK}
       ),
       changed AS (
         UPDATE identity_session s SET initial_ip = NULL, location = NULL, last_ip = locked.kept_ip
         FROM locked WHERE s.id = locked.id AND ${LIVE}
         RETURNING s.id
       ),
       gone AS (
         DELETE FROM identity_session_address a USING locked
         WHERE a.session_id = locked.id AND a.last_seen_at <= ${old} AND a.ip IS DISTINCT FROM locked.kept_ip
       ),
       kept AS (
         INSERT INTO identity_session_address (session_id, ip, first_seen_at, last_seen_at)
         SELECT id, kept_ip, created_at, last_accessed_at FROM locked WHERE kept_ip IS NOT NULL
         ON CONFLICT (session_id, ip) DO NOTHING
       ),
       places AS (
         UPDATE identity_session_event e SET ${FORGET_PLACE} FROM locked
         WHERE e.session_id = locked.id AND e.at <= ${old} AND ${TELLS_PLACE}
       ),
       ${counted('scrubbed', 'changed')}
       SELECT count(*)::int AS count FROM changed`,
      [afterMs, ids],
    ),
  );
}

/** Removes the addresses of sessions that ended longest ago. */
export async function scrubEnded(sql: SqlExecutor, afterMs: number, limit: number): Promise<number> {
  return countOf(
    await sql.query<Counted>(
      `WITH ${turnAt('cleanup')},
       old AS MATERIALIZED (
         SELECT s.id FROM identity_session s
         WHERE ${MY_TURN} AND s.ended_at IS NOT NULL AND s.scrubbed_at IS NULL AND s.ended_at < ${ago('$1::float8')}
         ORDER BY s.ended_at LIMIT $2::int ${LIVE_LOCK}
       ),
       changed AS (
         UPDATE identity_session s SET initial_ip = NULL, last_ip = NULL, location = NULL, scrubbed_at = ${NOW}
         FROM old WHERE s.id = old.id RETURNING s.id
       ),
       gone AS (DELETE FROM identity_session_address a USING old WHERE a.session_id = old.id),
       places AS (
         UPDATE identity_session_event e SET ${FORGET_PLACE} FROM old WHERE e.session_id = old.id AND ${TELLS_PLACE}
       ),
       ${counted('scrubbed', 'changed')}
       SELECT count(*)::int AS count FROM changed`,
      [afterMs, limit],
    ),
  );
}
