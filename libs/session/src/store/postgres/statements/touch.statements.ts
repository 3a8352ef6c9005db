import { MOST_ADDRESSES } from '../../session-addresses.js';
import type { Touch } from '../../session-store.js';
import type { SqlExecutor } from '../sql-executor.js';
import { UNENDED } from './fragments.js';

/**
 * Writes a batch of accesses and gives the ids that somebody else had locked. Rows are locked in id order and locked
 * ones skipped, so that batches of several nodes neither deadlock nor wait. An address that differs from the last one is
 * written down, with when the last one was left; whoever holds the session's row is alone at its addresses.
 */
export async function touchBatch(sql: SqlExecutor, touches: readonly Touch[]): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `WITH input AS MATERIALIZED (
       SELECT * FROM unnest($1::uuid[], $2::float8[], $3::text[]) AS input (id, at, ip)
     ),
     locked AS MATERIALIZED (
       SELECT s.id, s.last_ip, s.created_at, s.last_accessed_at FROM identity_session s
       WHERE s.id = ANY ($1::uuid[]) AND ${UNENDED}
       ORDER BY s.id FOR NO KEY UPDATE SKIP LOCKED
     ),
     written AS (
       UPDATE identity_session s SET
         last_accessed_at = GREATEST(s.last_accessed_at, LEAST(to_timestamp(input.at / 1000), clock_timestamp())),
         last_ip = CASE WHEN to_timestamp(input.at / 1000) < s.last_accessed_at THEN s.last_ip
                        ELSE COALESCE(input.ip, s.last_ip) END
       FROM input JOIN locked USING (id)
       WHERE s.id = input.id
       RETURNING s.id
     ),
     moved AS MATERIALIZED (
       SELECT locked.*, input.ip, LEAST(to_timestamp(input.at / 1000), clock_timestamp()) AS at
       FROM input JOIN locked USING (id)
       WHERE input.ip <> locked.last_ip OR (input.ip IS NOT NULL AND locked.last_ip IS NULL)
     ),
     crowded AS (
       DELETE FROM identity_session_address a USING moved
       WHERE a.session_id = moved.id AND a.ip <> moved.ip AND a.ip IS DISTINCT FROM moved.last_ip
         AND (SELECT count(*) FROM identity_session_address later
              WHERE later.session_id = a.session_id AND later.ip <> moved.ip AND later.ip IS DISTINCT FROM moved.last_ip
                AND (later.last_seen_at, later.ip) > (a.last_seen_at, a.ip)) >= ${MOST_ADDRESSES - 2}
     ),
     noted AS (
       INSERT INTO identity_session_address AS a (session_id, ip, first_seen_at, last_seen_at)
       SELECT moved.id, moved.ip, moved.at, moved.at FROM moved
       UNION ALL
       SELECT moved.id, moved.last_ip, moved.created_at, moved.last_accessed_at FROM moved WHERE moved.last_ip IS NOT NULL
       ON CONFLICT (session_id, ip) DO UPDATE SET last_seen_at = GREATEST(a.last_seen_at, excluded.last_seen_at)
     )
     SELECT s.id FROM identity_session s
     WHERE s.id = ANY ($1::uuid[]) AND ${UNENDED} AND s.id NOT IN (SELECT id FROM locked)`,
    [touches.map((touch) => touch.id), touches.map((touch) => touch.at), touches.map((touch) => touch.ip)],
  );
  return rows.map((row) => row.id);
}
