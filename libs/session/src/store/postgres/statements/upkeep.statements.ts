import type { SqlExecutor } from '../sql-executor.js';
import { COUNT, countOf, type Counted } from './row-count.js';
import { MY_TURN, turnAt } from './turn.fragments.js';

/** Removes the oldest changes that were written longer ago than `retentionMs`. */
export async function deleteOldEvents(sql: SqlExecutor, retentionMs: number, limit: number): Promise<number> {
  return countOf(
    await sql.query<Counted>(
      `WITH ${turnAt('events')},
       old AS MATERIALIZED (
         SELECT e.id FROM identity_session_event e
         WHERE ${MY_TURN} AND e.at < statement_timestamp() - $1::bigint * interval '1 millisecond'
         ORDER BY e.at LIMIT $2::int FOR UPDATE SKIP LOCKED
       ),
       changed AS (DELETE FROM identity_session_event e USING old WHERE e.id = old.id RETURNING e.id)
       ${COUNT}`,
      [retentionMs, limit],
    ),
  );
}

/** Removes questions whose time is over. */
export async function deleteOldQuestions(sql: SqlExecutor, limit: number): Promise<number> {
  return countOf(
    await sql.query<Counted>(
      `WITH ${turnAt('questions')},
       old AS MATERIALIZED (
         SELECT q.ticket_digest FROM identity_session_question q
         WHERE ${MY_TURN} AND q.expires_at <= statement_timestamp()
         ORDER BY q.expires_at LIMIT $1::int FOR UPDATE SKIP LOCKED
       ),
       changed AS (
         DELETE FROM identity_session_question q USING old WHERE q.ticket_digest = old.ticket_digest
         RETURNING q.ticket_digest
       )
       ${COUNT}`,
      [limit],
    ),
  );
}

/**
 * Marks changes that came from another server. A row that is visible and whose transaction id this server has not given
 * out can only be restored. It gets the id 0, which no transaction has: it is older than any position, so that nobody
 * takes it for news, neither now nor when the server arrives at the id that it came with.
 */
export async function settleRestoredEvents(sql: SqlExecutor, limit: number): Promise<number> {
  return countOf(
    await sql.query<Counted>(
      `WITH ${turnAt('restored')},
       restored AS MATERIALIZED (
         SELECT e.id FROM identity_session_event e
         WHERE ${MY_TURN} AND e.xid >= pg_snapshot_xmax(pg_current_snapshot())
         ORDER BY e.xid LIMIT $1::int FOR UPDATE SKIP LOCKED
       ),
       changed AS (
         UPDATE identity_session_event e SET xid = '0' FROM restored WHERE e.id = restored.id
         RETURNING e.id
       )
       ${COUNT}`,
      [limit],
    ),
  );
}
