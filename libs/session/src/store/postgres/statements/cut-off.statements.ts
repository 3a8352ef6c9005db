import type { CutOffScope, StoredCutOff } from '../../../core/cut-off.js';
import { tenantColumn } from '../session-row.js';
import type { SqlExecutor } from '../sql-executor.js';
import type { Operation } from './change.statements.js';
import { reaches } from './cut-off.fragments.js';
import { LIVE, MOMENT } from './fragments.js';

interface CutOffRow {
  readonly scope: CutOffScope;
  readonly not_before: number;
  readonly protected_not_before: number | null;
  readonly version: number;
  readonly reason: string;
  readonly actor: string | null;
}

const PROTECTED = 'protected_not_before, protected_reason, protected_actor';
const RAISE_PROTECTED = `protected_reason = excluded.protected_reason, protected_actor = excluded.protected_actor,
  protected_not_before = GREATEST(c.protected_not_before, excluded.protected_not_before),`;

/**
 * Makes a cut-off, or raises the one of its scope. It comes after every cut-off and every live session that there is,
 * even where the clock has gone back since: whoever was signed in before is covered; protected sessions if it includes them.
 */
export async function upsertCutOff(
  sql: SqlExecutor,
  scope: CutOffScope,
  operation: Operation,
  includesProtected: boolean,
): Promise<StoredCutOff> {
  const rows = await sql.query<CutOffRow>(
    `WITH ${MOMENT},
     latest AS MATERIALIZED (
       SELECT GREATEST(moment.at, (SELECT max(earlier.not_before) + interval '1 millisecond' FROM identity_session_cut_off earlier),
                       (SELECT max(s.created_at) FROM identity_session s WHERE ${LIVE})) AS at
       FROM moment
     ),
     cut AS (
       INSERT INTO identity_session_cut_off AS c (tenant_id, user_id, not_before, reason, actor${includesProtected ? `, ${PROTECTED}` : ''})
       SELECT $1::text, $2::text, latest.at, $3::text, $4::text${includesProtected ? ', latest.at, $3::text, $4::text' : ''}
       FROM latest
       ON CONFLICT (scope) DO UPDATE SET version = c.version + 1, reason = excluded.reason, actor = excluded.actor,
         ${includesProtected ? RAISE_PROTECTED : ''} not_before = GREATEST(c.not_before, excluded.not_before)
       RETURNING c.*
     ),
     logged AS (
       INSERT INTO identity_session_event
         (at, type, version, tenant_id, user_id, reason, actor, operation_id, context, details)
       SELECT moment.at, 'cut_off', cut.version, COALESCE(cut.tenant_id, ''), cut.user_id, cut.reason, cut.actor, $5::uuid, $7::jsonb,
         jsonb_build_object('scope', $6::jsonb, 'notBefore', (extract(epoch FROM cut.not_before) * 1000)::bigint)
           || jsonb_strip_nulls(jsonb_build_object('protectedNotBefore', (extract(epoch FROM cut.protected_not_before) * 1000)::bigint))
       FROM cut, moment
     )
     SELECT $6::jsonb AS scope, (extract(epoch FROM cut.not_before) * 1000)::float8 AS not_before, cut.version,
       (extract(epoch FROM cut.protected_not_before) * 1000)::float8 AS protected_not_before,
       cut.reason, cut.actor FROM cut`,
    [
      scope.tenantId === undefined ? null : tenantColumn(scope.tenantId),
      scope.userId ?? null,
      operation.reason,
      operation.by,
      operation.operationId,
      JSON.stringify(scope),
      JSON.stringify(operation.context),
    ],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('The database has stored no cut-off.');
  return storedOf(row);
}

/** The cut-off that an earlier attempt of the operation has made; retries come within seconds. */
export async function readCutOffByOperation(sql: SqlExecutor, operationId: string): Promise<StoredCutOff | undefined> {
  const rows = await sql.query<CutOffRow>(
    `SELECT e.details -> 'scope' AS scope, (e.details ->> 'notBefore')::float8 AS not_before, e.version,
       (e.details ->> 'protectedNotBefore')::float8 AS protected_not_before, e.reason, e.actor
     FROM identity_session_event e
     WHERE e.at >= statement_timestamp() - interval '5 minutes' AND e.operation_id = $1::uuid`,
    [operationId],
  );
  return rows[0] && storedOf(rows[0]);
}

/** Of all settings that are stored, whoever they are for, in milliseconds; centuries at most, which a date can bear. */
const LONGEST_STORED_LIFETIME = `(SELECT least(COALESCE(max(stored.lifetime::text::float8), 0), 1e13)
  FROM identity_session_setting t
  CROSS JOIN LATERAL jsonb_path_query(t.settings, '$.**.absoluteLifetimeMs ? (@.type() == "number")') stored (lifetime))`;

/**
 * Forgets cut-offs older than `olderThanMs` that cover no live session, and gives their number. A cut-off that is raised
 * meanwhile stays.
 */
export async function deleteCutOffs(sql: SqlExecutor, olderThanMs: number): Promise<number> {
  const rows = await sql.query<{ count: number }>(
    `WITH forgotten AS (
       DELETE FROM identity_session_cut_off c
       WHERE c.not_before < clock_timestamp() - $1::float8 * interval '1 millisecond'
         AND c.not_before < clock_timestamp() - ${LONGEST_STORED_LIFETIME} * interval '1 millisecond'
         AND NOT EXISTS (
           SELECT FROM identity_session s
           WHERE ${LIVE} AND s.created_at <= c.not_before AND ${reaches('s')}
             AND (c.tenant_id IS NULL OR s.tenant_id = c.tenant_id) AND (c.user_id IS NULL OR s.user_id = c.user_id))
       RETURNING c.scope
     )
     SELECT count(*)::float8 AS count FROM forgotten`,
    [olderThanMs],
  );
  return rows[0]?.count ?? 0;
}

function storedOf(row: CutOffRow): StoredCutOff {
  const { scope, not_before: notBefore, protected_not_before: protectedNotBefore, version, reason, actor: by } = row;
  return { scope, notBefore, ...(protectedNotBefore === null ? {} : { protectedNotBefore }), version, reason, by };
}
