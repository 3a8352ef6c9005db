import type { CleanupState, WalkPosition, WalkRules } from '../../session-cleanup.js';
import type { SqlExecutor } from '../sql-executor.js';
import { ago, counted, isInactive, NOW } from './cleanup.fragments.js';
import { LIVE } from './fragments.js';
import { countOf, type Counted } from './row-count.js';
import { hasOldAddress } from './scrub.statements.js';
import { MY_TURN, turnAt } from './turn.fragments.js';

/** True where nobody has begun to walk through the live sessions within `everyMs`; it is noted then. */
export async function claimWalk(sql: SqlExecutor, everyMs: number): Promise<boolean> {
  const rows = await sql.query(
    `INSERT INTO identity_session_cleanup AS c (walked_at) VALUES (${NOW})
     ON CONFLICT (id) DO UPDATE SET walked_at = excluded.walked_at
       WHERE c.walked_at IS NULL OR c.walked_at <= ${ago('$1::float8')}
     RETURNING true AS claimed`,
    [everyMs],
  );
  return rows.length > 0;
}

interface WalkRow {
  readonly id: string;
  readonly created_at: number;
  readonly is_inactive: boolean;
  readonly has_old_address: boolean;
}

/** The next live sessions by creation, with what is to be looked at under their locks. Locks nothing. */
export async function readWalkPage(
  sql: SqlExecutor,
  { inactiveAfterMs, scrubAfterMs }: WalkRules,
  after: WalkPosition | null,
  limit: number,
): Promise<readonly WalkRow[]> {
  const youngest = Math.min(inactiveAfterMs ?? Infinity, scrubAfterMs ?? Infinity);
  if (youngest === Infinity) return [];
  return sql.query<WalkRow>(
    `WITH ${turnAt('cleanup')}
     SELECT s.id, (extract(epoch FROM s.created_at) * 1000)::float8 AS created_at,
       COALESCE(${isInactive('$1::float8')}, false) AS is_inactive, COALESCE(${hasOldAddress('$2::float8')}, false) AS has_old_address
     FROM identity_session s
     WHERE ${MY_TURN} AND ${LIVE} AND s.created_at <= ${ago('$3::float8')}
       AND (s.created_at, s.id) > (to_timestamp($4::float8 / 1000)::timestamptz(3), $5::uuid)
     ORDER BY s.created_at, s.id LIMIT $6::int`,
    [
      inactiveAfterMs ?? null,
      scrubAfterMs ?? null,
      youngest,
      after?.createdAt ?? 0,
      after?.id ?? '00000000-0000-0000-0000-000000000000',
      limit,
    ],
  );
}

/** Removes the sessions that ended longest ago, with their addresses. */
export async function deleteEnded(sql: SqlExecutor, retentionMs: number, limit: number): Promise<number> {
  return countOf(
    await sql.query<Counted>(
      `WITH ${turnAt('cleanup')},
       old AS MATERIALIZED (
         SELECT s.id FROM identity_session s WHERE ${MY_TURN} AND s.ended_at < ${ago('$1::float8')}
         ORDER BY s.ended_at LIMIT $2::int FOR UPDATE SKIP LOCKED
       ),
       changed AS (DELETE FROM identity_session s USING old WHERE s.id = old.id RETURNING s.id),
       ${counted('removed', 'changed')}
       SELECT count(*)::int AS count FROM changed`,
      [retentionMs, limit],
    ),
  );
}

export async function noteRun(sql: SqlExecutor): Promise<void> {
  await sql.query(
    `INSERT INTO identity_session_cleanup (last_run_at) VALUES (${NOW})
     ON CONFLICT (id) DO UPDATE SET last_run_at = excluded.last_run_at`,
  );
}

export async function readCleanupState(sql: SqlExecutor): Promise<CleanupState> {
  const [row] = await sql.query<{ last_run_at: number | null } & Omit<CleanupState, 'lastRunAt'>>(
    `SELECT (extract(epoch FROM last_run_at) * 1000)::float8 AS last_run_at, ended::float8 AS ended,
       removed::float8 AS removed, scrubbed::float8 AS scrubbed FROM identity_session_cleanup`,
  );
  if (row === undefined) return { lastRunAt: null, ended: 0, removed: 0, scrubbed: 0 };
  return { lastRunAt: row.last_run_at, ended: row.ended, removed: row.removed, scrubbed: row.scrubbed };
}
