/** The moment of a statement of the cleanup. */
export const NOW = 'statement_timestamp()';
/** So many milliseconds before it; `ms` is an expression. */
export const ago = (ms: string): string => `(${NOW} - ${ms} * interval '1 millisecond')`;
/** What somebody else is at is left to the next batch. */
export const LIVE_LOCK = 'FOR NO KEY UPDATE SKIP LOCKED';

/** Adds the rows of `source` to what all nodes have done, in the transaction that did it. */
export function counted(column: 'ended' | 'removed' | 'scrubbed', source: string): string {
  return `counted AS (
    INSERT INTO identity_session_cleanup AS c (${column}) SELECT count(*) FROM ${source} HAVING count(*) > 0
    ON CONFLICT (id) DO UPDATE SET ${column} = c.${column} + excluded.${column}
  )`;
}

/** True where nobody has used the session `s` for so long. */
export const isInactive = (afterMs: string): string => `(s.last_accessed_at <= ${ago(afterMs)})`;
