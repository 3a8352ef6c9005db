import type { Touch } from '../../session-store.js';
import type { SqlExecutor } from '../sql-executor.js';
import { UNENDED } from './fragments.js';

/**
 * Writes a batch of accesses and gives the ids that somebody else had locked. Rows are locked in id order and locked
 * ones skipped, so that batches of several nodes neither deadlock nor wait.
 */
export async function touchBatch(sql: SqlExecutor, touches: readonly Touch[]): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `WITH input AS MATERIALIZED (
       SELECT * FROM unnest($1::uuid[], $2::float8[], $3::text[]) AS input (id, at, ip)
     ),
     locked AS MATERIALIZED (
       SELECT s.id FROM identity_session s WHERE s.id = ANY ($1::uuid[]) AND ${UNENDED}
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
     )
     SELECT s.id FROM identity_session s
     WHERE s.id = ANY ($1::uuid[]) AND ${UNENDED} AND s.id NOT IN (SELECT id FROM locked)`,
    [touches.map((touch) => touch.id), touches.map((touch) => touch.at), touches.map((touch) => touch.ip)],
  );
  return rows.map((row) => row.id);
}
