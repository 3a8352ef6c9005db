import type { Query } from './listener-log.js';
import { changesSince } from './postgres-change-log.js';

interface StatusRow {
  readonly name: string;
  readonly node: string | null;
  readonly lag_ms: number;
  readonly attempts: number;
  readonly failing_since: Date | null;
  readonly retry_at: Date | null;
  readonly dead_letters: number;
}

/** How a durable listener is getting on, whichever node is at it. */
export interface SessionListenerStatus {
  readonly name: string;
  /** The node that is at it now, or `null`. */
  readonly node: string | null;
  /** How old the oldest event is that it has not been told; 0 where it has been told all. */
  readonly lagMs: number;
  /** How often the next event has failed, and since when one has. */
  readonly attempts: number;
  readonly failingSince: Date | null;
  /** When it is tried again. */
  readonly retryAt: Date | null;
  readonly deadLetters: number;
}

/** How far all listeners have come, by name. Of each, one look at the log and one at its dead letters, by their indexes. */
export async function readListeners(query: Query): Promise<SessionListenerStatus[]> {
  const rows = await query<StatusRow>(
    `SELECT l.name, CASE WHEN l.leased_until > clock_timestamp() THEN l.leased_by END AS node, l.attempts,
       l.failing_since, l.retry_at,
       COALESCE((SELECT GREATEST(0, extract(epoch FROM clock_timestamp()) * 1000 - next.at) FROM (
         ${changesSince('l.position')}
           AND (e.id > l.after_id OR l.target IS NULL OR NOT pg_visible_in_snapshot(e.xid, l.target::pg_snapshot))
         ORDER BY e.id LIMIT 1) next), 0)::float8 AS lag_ms,
       (SELECT count(*) FROM identity_session_dead_letter d WHERE d.listener = l.name)::float8 AS dead_letters
     FROM identity_session_listener l ORDER BY l.name`,
    [],
  );
  return rows.map((row) => ({
    name: row.name,
    // Behind the name of the node is what tells two of one name apart.
    node: row.node?.replace(/ [0-9a-f-]{36}$/, '') ?? null,
    lagMs: row.lag_ms,
    attempts: row.attempts,
    failingSince: row.failing_since,
    retryAt: row.retry_at,
    deadLetters: row.dead_letters,
  }));
}
