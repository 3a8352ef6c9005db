import {
  type JobClaim,
  type JobFilter,
  type JobKind,
  type JobPage,
  type JobReach,
  type JobStatus,
  type NewJob,
  NOT_APPROVED,
  type StoredJob,
} from '../../session-jobs.js';
import { partsOfScope } from '../../scope-reach.js';
import type { SessionScope } from '../../session-store.js';
import type { SqlExecutor } from '../sql-executor.js';
import { Parameters } from './fragments.js';

const NOW = `date_trunc('milliseconds', clock_timestamp())`;
const ago = (ms: string): string => `(${NOW} - ${ms} * interval '1 millisecond')`;
const ms = (column: string) => `(extract(epoch FROM j.${column}) * 1000)::float8 AS ${column}`;

const COLUMNS = `j.id, j.kind, j.filter, j.scope, j.reason, j.asked_by, j.max, j.status, j.matched, j.changed, j.skipped,
  j.last_id, j.approved_by, j.cancelled_by, j.node, j.attempts, j.error, ${ms('approved_at')}, ${ms('heartbeat_at')},
  ${ms('created_at')}, ${ms('started_at')}, ${ms('finished_at')}`;

/** True for jobs `j` that the claim in `$2` holds. */
const MINE = `j.id = $1::uuid AND j.claim = $2::uuid AND j.status = 'running'`;
/** Nobody is at it any more. */
const LET_GO = 'claim = NULL, heartbeat_at = NULL';

interface JobRow {
  readonly id: string;
  readonly kind: JobKind;
  readonly filter: JobFilter;
  readonly scope: SessionScope;
  readonly reason: string;
  readonly asked_by: string | null;
  readonly max: number | null;
  readonly status: JobStatus;
  readonly matched: number;
  readonly changed: number;
  readonly skipped: number;
  readonly last_id: string | null;
  readonly approved_by: string | null;
  readonly approved_at: number | null;
  readonly cancelled_by: string | null;
  readonly node: string | null;
  readonly heartbeat_at: number | null;
  readonly attempts: number;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly finished_at: number | null;
  readonly error: string | null;
}

function jobOf(row: JobRow): StoredJob {
  const { asked_by, last_id, approved_by, approved_at, cancelled_by, heartbeat_at, ...rest } = row;
  const { created_at, started_at, finished_at, ...same } = rest;
  return {
    ...same,
    askedBy: asked_by,
    lastId: last_id,
    approvedBy: approved_by,
    approvedAt: approved_at,
    cancelledBy: cancelled_by,
    heartbeatAt: heartbeat_at,
    createdAt: created_at,
    startedAt: started_at,
    finishedAt: finished_at,
  };
}

async function oneJob(sql: SqlExecutor, text: string, values: readonly unknown[]): Promise<StoredJob | undefined> {
  const [row] = await sql.query<JobRow>(text, values);
  return row === undefined ? undefined : jobOf(row);
}

/** Makes a job, unless it is there. */
export async function insertJob(sql: SqlExecutor, job: NewJob): Promise<StoredJob> {
  await sql.query(
    `INSERT INTO identity_session_job (id, kind, filter, scope, scope_parts, reason, asked_by, max, status, matched, created_at)
     VALUES ($1::uuid, $2::text, $3::jsonb, $4::jsonb, $5::text[], $6::text, $7::text, $8::integer, $9::text, $10::integer, ${NOW})
     ON CONFLICT (id) DO NOTHING`,
    [
      job.id,
      job.kind,
      JSON.stringify(job.filter),
      JSON.stringify(job.scope),
      partsOfScope(job.scope),
      job.reason,
      job.askedBy,
      job.max,
      job.needsApproval ? 'awaiting_approval' : 'running',
      job.matched,
    ],
  );
  const made = await readJob(sql, job.id);
  if (made === undefined) throw new Error('The database has stored no job.');
  return made;
}

export function readJob(sql: SqlExecutor, id: string): Promise<StoredJob | undefined> {
  return oneJob(sql, `SELECT ${COLUMNS} FROM identity_session_job j WHERE j.id = $1::uuid`, [id]);
}

export async function readJobs(sql: SqlExecutor, reach: JobReach, page: JobPage): Promise<StoredJob[]> {
  const parameters = new Parameters();
  const all = [reachCondition(reach, parameters)];
  if (page.after !== null) {
    const at = `to_timestamp(${parameters.add(page.after.createdAt, 'float8')} / 1000)::timestamptz(3)`;
    all.push(`(j.created_at, j.id) < (${at}, ${parameters.add(page.after.id, 'uuid')})`);
  }
  const rows = await sql.query<JobRow>(
    `SELECT ${COLUMNS} FROM identity_session_job j WHERE ${all.join(' AND ')}
     ORDER BY j.created_at DESC, j.id DESC LIMIT ${parameters.add(page.limit, 'int')}`,
    parameters.values,
  );
  return rows.map(jobOf);
}

/** The same as `reaches`, kind by kind. */
function reachCondition(reach: JobReach, parameters: Parameters): string {
  const kinds = Object.entries(reach).map(([kind, { isAll, exact, prefixes }]) => {
    const isKind = `j.kind = ${parameters.add(kind, 'text')}`;
    if (isAll) return isKind;
    return `(${isKind} AND cardinality(j.scope_parts) > 0 AND NOT EXISTS (
      SELECT FROM unnest(j.scope_parts) part
      WHERE part <> ALL (${parameters.add(exact, 'text[]')}) AND NOT EXISTS (
        SELECT FROM unnest(${parameters.add(prefixes, 'text[]')}) prefix WHERE starts_with(part, prefix))))`;
  });
  return kinds.length === 0 ? 'false' : `(${kinds.join(' OR ')})`;
}

export function approveOne(sql: SqlExecutor, id: string, by: string, withinMs: number): Promise<StoredJob | undefined> {
  return oneJob(
    sql,
    `UPDATE identity_session_job j SET status = 'running', approved_by = $2::text, approved_at = ${NOW}
     WHERE j.id = $1::uuid AND j.status = 'awaiting_approval' AND j.asked_by IS DISTINCT FROM $2::text
       AND j.created_at > ${ago('$3::float8')}
     RETURNING ${COLUMNS}`,
    [id, by, withinMs],
  );
}

export function cancelOne(sql: SqlExecutor, id: string, by: string | null): Promise<StoredJob | undefined> {
  return oneJob(
    sql,
    `UPDATE identity_session_job j SET status = 'cancelled', cancelled_by = $2::text, finished_at = ${NOW}, ${LET_GO}
     WHERE j.id = $1::uuid AND j.status IN ('awaiting_approval', 'running') RETURNING ${COLUMNS}`,
    [id, by],
  );
}

/** Takes the oldest job that nobody is at; whoever comes at the same moment takes another. */
export function claimOne(sql: SqlExecutor, { claim, node, takeOverAfterMs }: JobClaim): Promise<StoredJob | undefined> {
  return oneJob(
    sql,
    `WITH next AS MATERIALIZED (
       SELECT n.id FROM identity_session_job n
       WHERE n.status = 'running'
         AND (n.heartbeat_at IS NULL OR n.claim = $1::uuid OR n.heartbeat_at <= ${ago('$3::float8')})
       ORDER BY n.created_at LIMIT 1 FOR UPDATE SKIP LOCKED
     )
     UPDATE identity_session_job j SET claim = $1::uuid, node = $2::text, heartbeat_at = ${NOW},
       started_at = COALESCE(j.started_at, ${NOW}), attempts = j.attempts + 1
     FROM next WHERE j.id = next.id RETURNING ${COLUMNS}`,
    [claim, node, takeOverAfterMs],
  );
}

/** The job under its lock, if the claim holds it. */
export function lockJob(sql: SqlExecutor, id: string, claim: string): Promise<StoredJob | undefined> {
  return oneJob(sql, `SELECT ${COLUMNS} FROM identity_session_job j WHERE ${MINE} FOR UPDATE`, [id, claim]);
}

/** Notes a page of a job that is locked. */
export async function notePage(
  sql: SqlExecutor,
  id: string,
  page: { readonly lastId: string; readonly changed: number; readonly skipped: number },
): Promise<StoredJob | undefined> {
  return oneJob(
    sql,
    `UPDATE identity_session_job j SET last_id = $2::uuid, changed = j.changed + $3::integer,
       skipped = j.skipped + $4::integer, heartbeat_at = ${NOW}, attempts = 0
     WHERE j.id = $1::uuid RETURNING ${COLUMNS}`,
    [id, page.lastId, page.changed, page.skipped],
  );
}

export async function noteBeat(sql: SqlExecutor, id: string, claim: string): Promise<boolean> {
  const rows = await sql.query(
    `UPDATE identity_session_job j SET heartbeat_at = ${NOW} WHERE ${MINE} RETURNING true AS is_mine`,
    [id, claim],
  );
  return rows.length > 0;
}

/** The claim that is handed back was no failure. */
export async function releaseOne(sql: SqlExecutor, id: string, claim: string): Promise<void> {
  await sql.query(
    `UPDATE identity_session_job j SET ${LET_GO}, node = NULL, attempts = greatest(0, j.attempts - 1) WHERE ${MINE}`,
    [id, claim],
  );
}

export function finishOne(
  sql: SqlExecutor,
  id: string,
  claim: string,
  error: string | null,
): Promise<StoredJob | undefined> {
  return oneJob(
    sql,
    `UPDATE identity_session_job j SET status = CASE WHEN $3::text IS NULL THEN 'done' ELSE 'failed' END,
       error = $3::text, finished_at = ${NOW}, ${LET_GO}
     WHERE ${MINE} RETURNING ${COLUMNS}`,
    [id, claim, error],
  );
}

export async function cancelUnapproved(sql: SqlExecutor, withinMs: number): Promise<void> {
  await sql.query(
    `UPDATE identity_session_job SET status = 'cancelled', error = $2::text, finished_at = ${NOW}
     WHERE status = 'awaiting_approval' AND created_at <= ${ago('$1::float8')}`,
    [withinMs, NOT_APPROVED],
  );
}

export async function deleteOldJobs(sql: SqlExecutor, retentionMs: number): Promise<void> {
  await sql.query(
    `DELETE FROM identity_session_job WHERE id IN (
       SELECT id FROM identity_session_job WHERE finished_at < ${ago('$1::float8')} AND created_at < ${ago('$1::float8')}
       ORDER BY created_at LIMIT 1000 FOR UPDATE SKIP LOCKED)`,
    [retentionMs],
  );
}
