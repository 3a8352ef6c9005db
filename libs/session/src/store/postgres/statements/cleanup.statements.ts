import { randomUUID } from 'node:crypto';
import type {
  CleanupBatch,
  CleanupRules,
  CleanupState,
  EndedVersion,
  WalkPosition,
  WalkRules,
} from '../../session-cleanup.js';
import type { SessionSubject } from '../../../core/session.js';
import { tenantColumn } from '../session-row.js';
import type { SqlExecutor } from '../sql-executor.js';
import { CUT_OFF_JOIN, NOT_CUT_OFF, reaches } from './cut-off.fragments.js';
import { fromSource, LIVE, logFrom, MOMENT, Parameters } from './fragments.js';
import { countOf, type Counted } from './row-count.js';
import { MY_TURN, turnAt } from './turn.fragments.js';

const NOW = 'statement_timestamp()';
const ago = (ms: string): string => `(${NOW} - ${ms} * interval '1 millisecond')`;
const IDLE_LIMIT = `(s.last_accessed_at + s.idle_timeout_ms * interval '1 millisecond')`;
const LIVE_LOCK = 'FOR NO KEY UPDATE SKIP LOCKED';

/** What the end of a session is decided by, read under its lock. */
const FACTS = `s.id, s.tenant_id, s.user_id, s.status, s.is_protected, s.created_at, s.expires_at, s.last_accessed_at, s.idle_timeout_ms`;

const ENDED_FROM = `CASE WHEN s.status = 'revoked' THEN ${fromSource('cut-off')} ELSE ${fromSource('cleanup')} END`;

/**
 * The rest of a statement that has locked sessions as `locked`: ends those whose time is over by `reason` (an expression
 * over `s`; `NULL` for those that live on) or by a cut-off, with one row in the log for each, and sets when to look at
 * the others again. All as of one moment before the locks: a touch that came between is later than it.
 */
const endLocked = (reason: string, lookAgainAt: string, operation: string): string => `
  over AS MATERIALIZED (
    SELECT s.id, cut.not_before AS cut_at, cut.actor,
      CASE WHEN cut.not_before IS NULL THEN ${reason} ELSE cut.reason END AS reason, ${lookAgainAt} AS look_again_at
    FROM locked s ${CUT_OFF_JOIN}
  ),
  ${MOMENT},
  changed AS (
    UPDATE identity_session s SET
      version = s.version + (over.reason IS NOT NULL)::int,
      status = CASE WHEN over.reason IS NULL THEN s.status WHEN over.cut_at IS NULL THEN 'expired' ELSE 'revoked' END,
      due_at = CASE WHEN over.reason IS NULL THEN over.look_again_at END,
      ended_at = CASE WHEN over.reason IS NOT NULL THEN COALESCE(over.cut_at, moment.at) END,
      end_reason = over.reason, ended_by = over.actor
    FROM over, moment WHERE s.id = over.id AND ${LIVE}
    RETURNING s.*
  ),
  ended AS MATERIALIZED (SELECT * FROM changed WHERE ended_at IS NOT NULL),
  logged AS (${logFrom('ended', 's.status', 's.end_reason', 's.ended_by', operation, ENDED_FROM)}),
  ${counted('ended', 'ended')}
  SELECT (SELECT count(*)::int FROM locked) AS seen, COALESCE(array_agg(ended.id::text), '{}') AS ids,
    COALESCE(array_agg(ended.version), '{}') AS versions FROM ended`;

/** Adds the rows of `source` to what all nodes have done, in the transaction that did it. */
function counted(column: 'ended' | 'removed' | 'scrubbed', source: string): string {
  return `counted AS (
    INSERT INTO identity_session_cleanup AS c (${column}) SELECT count(*) FROM ${source} HAVING count(*) > 0
    ON CONFLICT (id) DO UPDATE SET ${column} = c.${column} + excluded.${column}
  )`;
}

interface BatchRow {
  readonly seen: number;
  readonly ids: readonly string[];
  readonly versions: readonly number[];
}

async function batchOf(sql: SqlExecutor, statement: string, parameters: Parameters): Promise<CleanupBatch> {
  const [row] = await sql.query<BatchRow>(statement, parameters.values);
  const { seen = 0, ids = [], versions = [] } = row ?? {};
  return { seen, ended: ids.map((id, index): EndedVersion => ({ id, version: versions[index] ?? 0 })) };
}

/** True where nothing may end for idleness, since touches could not be written lately. */
function sparesIdle({ sparesIdle: isSpared, recoveryMs }: CleanupRules, parameters: Parameters): string {
  const recovery = parameters.add(recoveryMs, 'float8');
  return `(${parameters.add(isSpared, 'boolean')} OR pg_postmaster_start_time() > ${ago(recovery)})`;
}

/** Ends sessions whose time is over, in the order in which they are due, and re-arms those that were touched. */
export async function endDueBatch(sql: SqlExecutor, rules: CleanupRules, limit: number): Promise<CleanupBatch> {
  const parameters = new Parameters();
  const grace = parameters.add(rules.graceMs, 'float8');
  const spared = sparesIdle(rules, parameters);
  const recovery = parameters.add(rules.recoveryMs, 'float8');
  const isIdle = `${IDLE_LIMIT} <= ${ago(grace)}`;
  const reason = `(CASE WHEN s.expires_at <= ${NOW} THEN 'absolute_lifetime'
    WHEN ${isIdle} AND NOT ${spared} THEN 'idle_timeout' END)`;
  const lookAgainAt = `(CASE WHEN ${isIdle} THEN ${NOW} + ${recovery} * interval '1 millisecond'
    ELSE least(s.expires_at, ${IDLE_LIMIT}) END)`;
  return batchOf(
    sql,
    `WITH ${turnAt('cleanup')},
     locked AS MATERIALIZED (
       SELECT ${FACTS} FROM identity_session s WHERE ${MY_TURN} AND ${LIVE} AND s.due_at <= ${ago(grace)}
       ORDER BY s.due_at LIMIT ${parameters.add(limit, 'int')} ${LIVE_LOCK}
     ),
     ${endLocked(reason, lookAgainAt, parameters.add(randomUUID(), 'uuid'))}`,
    parameters,
  );
}

/** One shape of a cut-off each, so that each finds its sessions by an index of its own. */
const COVERED = [
  [`c.scope = '*'`, 'true'],
  ['c.tenant_id IS NOT NULL AND c.user_id IS NULL', 's.tenant_id = c.tenant_id'],
  ['c.tenant_id IS NULL AND c.user_id IS NOT NULL', 's.user_id = c.user_id'],
  ['c.tenant_id IS NOT NULL AND c.user_id IS NOT NULL', 's.tenant_id = c.tenant_id AND s.user_id = c.user_id'],
] as const;

/** Writes down the ends of sessions that cut-offs cover. */
export async function endCutOffBatch(sql: SqlExecutor, limit: number): Promise<CleanupBatch> {
  const parameters = new Parameters();
  const most = parameters.add(limit, 'int');
  const covered = COVERED.map(
    ([shape, whose]) => `(SELECT s.id FROM identity_session s
      WHERE ${shape} AND ${whose} AND ${LIVE} AND s.created_at <= c.not_before AND ${reaches('s')} ORDER BY s.created_at LIMIT ${most})`,
  );
  return batchOf(
    sql,
    `WITH ${turnAt('cleanup')},
     covered AS MATERIALIZED (
       SELECT found.id FROM identity_session_cut_off c CROSS JOIN LATERAL (${covered.join(' UNION ALL ')}) found
       WHERE ${MY_TURN} LIMIT ${most}
     ),
     locked AS MATERIALIZED (
       SELECT ${FACTS}, s.due_at FROM identity_session s WHERE s.id IN (SELECT id FROM covered) AND ${LIVE} ${LIVE_LOCK}
     ),
     ${endLocked('NULL', 's.due_at', parameters.add(randomUUID(), 'uuid'))}`,
    parameters,
  );
}

/** Writes down the ends of what is live of a user's sessions and what a cut-off covers. */
export async function endCutOffOfUser(
  sql: SqlExecutor,
  { tenantId, userId }: SessionSubject,
  limit: number,
): Promise<CleanupBatch> {
  const parameters = new Parameters();
  const conditions = [
    `s.tenant_id = ${parameters.add(tenantColumn(tenantId), 'text')}`,
    `s.user_id = ${parameters.add(userId, 'text')}`,
    LIVE,
    `NOT ${NOT_CUT_OFF}`,
  ];
  return batchOf(
    sql,
    `WITH locked AS MATERIALIZED (
       SELECT ${FACTS}, s.due_at FROM identity_session s WHERE ${conditions.join(' AND ')}
       ORDER BY s.id LIMIT ${parameters.add(limit, 'int')} FOR NO KEY UPDATE OF s
     ),
     ${endLocked('NULL', 's.due_at', parameters.add(randomUUID(), 'uuid'))}`,
    parameters,
  );
}

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

const isInactive = (afterMs: string): string => `(s.last_accessed_at <= ${ago(afterMs)})`;

/**
 * Rows of the log that say where a session was used: drift, by a place and by an id that can be computed from one, and the
 * addresses that changes came from.
 */
const TELLS_PLACE = `((e.type = 'drifted' AND e.details IS NOT NULL) OR e.context ? 'ip')`;
const FORGET_PLACE = `details = CASE WHEN e.type = 'drifted' THEN NULL ELSE e.details END,
  operation_id = CASE WHEN e.type = 'drifted' THEN NULL ELSE e.operation_id END, context = e.context - 'ip'`;

/** The address in use is kept for as long as it is in use. */
const hasOldAddress = (afterMs: string): string => `(s.created_at <= ${ago(afterMs)} AND (
  s.initial_ip IS NOT NULL OR s.location IS NOT NULL OR (s.last_ip IS NOT NULL AND s.last_accessed_at <= ${ago(afterMs)})
  OR EXISTS (SELECT FROM identity_session_address a WHERE a.session_id = s.id AND a.last_seen_at <= ${ago(afterMs)}
             AND a.ip IS DISTINCT FROM s.last_ip)
  OR EXISTS (SELECT FROM identity_session_event e WHERE e.session_id = s.id AND e.at <= ${ago(afterMs)} AND ${TELLS_PLACE})))`;

/** Ends those of the sessions that nobody has used for `inactiveAfterMs`. */
export async function endInactive(
  sql: SqlExecutor,
  rules: WalkRules & { readonly inactiveAfterMs: number },
  ids: readonly string[],
): Promise<CleanupBatch> {
  const parameters = new Parameters();
  const spared = sparesIdle(rules, parameters);
  const inactive = isInactive(parameters.add(rules.inactiveAfterMs, 'float8'));
  return batchOf(
    sql,
    `WITH locked AS MATERIALIZED (
       SELECT ${FACTS} FROM identity_session s
       WHERE s.id = ANY (${parameters.add(ids, 'uuid[]')}) AND NOT ${spared} AND ${LIVE} AND ${inactive} ${LIVE_LOCK}
     ),
     ${endLocked(`'inactive'::text`, 'NULL::timestamptz', parameters.add(randomUUID(), 'uuid'))}`,
    parameters,
  );
}

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
