import type { KnownNode, NodeBeat } from '../../session-statistics.js';
import type { SqlExecutor } from '../sql-executor.js';

const heardOfWithin = (ms: string): string => `seen_at > statement_timestamp() - ${ms} * interval '1 millisecond'`;

/** Notes a node, and forgets those that have fallen silent. */
export async function upsertNode(sql: SqlExecutor, beat: NodeBeat, goneAfterMs: number): Promise<void> {
  await sql.query(
    `WITH gone AS (
       DELETE FROM identity_session_node WHERE id IN (
         SELECT id FROM identity_session_node WHERE id <> $1::uuid AND NOT ${heardOfWithin('$6::float8')}
         FOR UPDATE SKIP LOCKED)
     )
     INSERT INTO identity_session_node (id, name, started_at, seen_at, tail_lag_ms, connections, created, ended, in_memory)
     VALUES ($1::uuid, $2::text, statement_timestamp() - $3::float8 * interval '1 millisecond', statement_timestamp(),
       $4::integer, $5::integer, $7::bigint, $8::bigint, $9::bigint)
     ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, tail_lag_ms = excluded.tail_lag_ms,
       connections = excluded.connections, created = excluded.created, ended = excluded.ended,
       in_memory = excluded.in_memory`,
    [
      ...[beat.id, beat.name, beat.uptimeMs, beat.tailLagMs, beat.connections, goneAfterMs],
      ...[beat.created, beat.ended, beat.inMemory],
    ],
  );
}

export async function deleteNode(sql: SqlExecutor, id: string): Promise<void> {
  await sql.query('DELETE FROM identity_session_node WHERE id = $1::uuid', [id]);
}

export async function readNodes(sql: SqlExecutor, goneAfterMs: number): Promise<KnownNode[]> {
  const rows = await sql.query<
    Omit<KnownNode, 'startedAt' | 'tailLagMs' | 'inMemory'> & {
      started_at: number;
      tail_lag_ms: number;
      in_memory: number;
    }
  >(
    `SELECT name, (extract(epoch FROM started_at) * 1000)::float8 AS started_at, tail_lag_ms, connections,
       created::float8, ended::float8, in_memory::float8
     FROM identity_session_node WHERE ${heardOfWithin('$1::float8')} ORDER BY name, started_at, id`,
    [goneAfterMs],
  );
  return rows.map(({ started_at: startedAt, tail_lag_ms: tailLagMs, in_memory: inMemory, ...node }) => ({
    ...node,
    startedAt,
    tailLagMs,
    inMemory,
  }));
}
