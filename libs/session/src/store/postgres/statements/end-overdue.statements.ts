import { randomUUID } from 'node:crypto';
import type { SessionSubject } from '../../../core/session.js';
import type { CleanupBatch, CleanupRules, EndedVersion, WalkRules } from '../../session-cleanup.js';
import { tenantColumn } from '../session-row.js';
import type { SqlExecutor } from '../sql-executor.js';
import { ago, counted, isInactive, LIVE_LOCK, NOW } from './cleanup.fragments.js';
import { CUT_OFF_JOIN, NOT_CUT_OFF, reaches } from './cut-off.fragments.js';
import { fromSource, LIVE, logFrom, MOMENT, Parameters } from './fragments.js';
import { MY_TURN, turnAt } from './turn.fragments.js';

const IDLE_LIMIT = `(s.last_accessed_at + s.idle_timeout_ms * interval '1 millisecond')`;

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
