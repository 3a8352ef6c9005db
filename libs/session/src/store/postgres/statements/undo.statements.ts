import type { SessionSubject } from '../../../core/session.js';
import { loggedContext } from '../../change-context.js';
import { saltBytes } from '../../rotation-salt.js';
import type { SessionFilter } from '../../session-store.js';
import {
  LONGEST_UNDO_MS,
  type Restoration,
  type restoredLimits,
  type Undo,
  type UndoRefusal,
} from '../../session-undo.js';
import { RECORD_COLUMNS, type SessionRow, tenantColumn } from '../session-row.js';
import type { SqlExecutor } from '../sql-executor.js';
import { contextIn, type Operation } from './change.statements.js';
import { holds } from './cut-off.fragments.js';
import { conditionWithoutStatus } from './filter.fragments.js';
import { fromSource, LOGGED_STATE, logFrom, MOMENT, Parameters, scopeCondition, UNENDED } from './fragments.js';
import { RESTORE_REFUSAL, undoRefusal } from './undo.fragments.js';

interface Judged {
  readonly refusal: UndoRefusal | null;
}

/** Permits that a revoked session be restored, or tells why not; no row where none with the id is in scope. */
export async function undoOne(
  sql: SqlExecutor,
  { scope, id, windowMs }: Undo,
  operation: Operation,
): Promise<(SessionRow & Judged & { readonly until: number | null }) | undefined> {
  const parameters = new Parameters();
  const where = `s.id = ${parameters.add(id, 'uuid')} AND ${scopeCondition(scope, parameters)}`;
  const window = parameters.add(windowMs, 'bigint');
  const reason = parameters.add(operation.reason, 'text');
  const actor = parameters.add(operation.by, 'text');
  const rows = await sql.query<SessionRow & Judged & { until: number | null }>(
    `WITH judged AS MATERIALIZED (
       SELECT s.id, ${undoRefusal(window, actor)} AS refusal FROM identity_session s WHERE ${where} FOR NO KEY UPDATE OF s
     ), ${MOMENT},
     changed AS (
       UPDATE identity_session s SET version = s.version + 1, undone_at = moment.at, undone_by = ${actor},
         restorable_until = s.ended_at + ${window} * interval '1 millisecond'
       FROM judged, moment WHERE s.id = judged.id AND judged.refusal IS NULL
       RETURNING s.*
     ),
     logged AS (${logFrom('changed', `'undone'`, reason, actor, parameters.add(operation.operationId, 'uuid'), contextIn(operation, parameters))})
     SELECT judged.refusal, ${RECORD_COLUMNS}, ${UNTIL}
     FROM judged LEFT JOIN changed s ON true`,
    parameters.values,
  );
  return rows[0];
}

const UNTIL = '(extract(epoch FROM s.restorable_until) * 1000)::float8 AS until';

/** What an earlier attempt of the operation has permitted, or the same actor with the same key. */
export async function readUndone(
  sql: SqlExecutor,
  id: string,
  { operationId, by, context }: Operation,
): Promise<(SessionRow & { readonly until: number | null }) | undefined> {
  const rows = await sql.query<SessionRow & { until: number | null }>(
    `SELECT ${RECORD_COLUMNS}, ${UNTIL} FROM identity_session s
     WHERE s.id = $1::uuid AND EXISTS (
       SELECT FROM identity_session_event e
       WHERE e.session_id = $1::uuid AND e.type = 'undone'
         AND (e.operation_id = $2::uuid OR (e.actor IS NOT DISTINCT FROM $3::text AND e.context ->> 'key' = $4::text)))`,
    [id, operationId, by, context.key ?? null],
  );
  return rows[0];
}

/** A session of the subject, under a lock of its row until the transaction ends, and why it cannot be restored. */
export async function lockRestorable(
  sql: SqlExecutor,
  { tenantId, userId }: SessionSubject,
  id: string,
): Promise<(SessionRow & Judged & { readonly now: number }) | undefined> {
  const rows = await sql.query<SessionRow & Judged & { now: number }>(
    `SELECT ${RESTORE_REFUSAL} AS refusal, (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now, ${RECORD_COLUMNS}
     FROM identity_session s WHERE s.id = $1::uuid AND s.tenant_id = $2::text AND s.user_id = $3::text
     FOR NO KEY UPDATE OF s`,
    [id, tenantColumn(tenantId), userId],
  );
  return rows[0];
}

/** As it was in the old session. Its addresses are the last one: where it is used from next is compared with that. */
const KEPT = `tenant_id, user_id, client_id, device_type, device_id, device_name, user_agent, location, assurance,
  remember_me, is_protected, authenticated_at, data`;
const FROM_OLD = KEPT.split(',')
  .map((column) => `s.${column.trim()}`)
  .join(', ');

/** A clock that was set back must not have a cut-off from before cover what is newer. */
const AFTER_CUT_OFFS = `(SELECT max(c.not_before) + interval '1 millisecond'
  FROM identity_session_cut_off c WHERE ${holds('s.tenant_id', 's.user_id')})`;

/**
 * Uses the permit up, makes the new session out of the old one and evicts the victims, in one statement and with one moment
 * for all. No row where something has changed since the permit was looked at.
 */
export async function restoreAndEvict(
  sql: SqlExecutor,
  { id, from, tokenDigest, facts, context = {} }: Restoration,
  limits: ReturnType<typeof restoredLimits>,
  scopeKeys: readonly string[],
  rotationSalt: string,
  nodeName: string | null,
  victims: readonly string[],
): Promise<{ part: 'admitted' | 'evicted' | 'ended'; row: SessionRow }[]> {
  const rows = await sql.query<SessionRow & { part: 'admitted' | 'evicted' | 'ended' }>(
    `WITH ${MOMENT},
     taken AS (
       UPDATE identity_session s SET version = s.version + 1, restored_as = $1::uuid
       FROM moment WHERE s.id = $2::uuid AND (${RESTORE_REFUSAL}) IS NULL
       RETURNING s.*
     ),
     admitted AS (
       INSERT INTO identity_session AS n (${KEPT}, id, status, initial_ip, last_ip, node_name, scope_keys, token_digest,
         rotation_salt, created_at, last_accessed_at, idle_timeout_ms, expires_at, due_at, restored_from)
       SELECT ${FROM_OLD}, $1::uuid, 'active', s.last_ip, s.last_ip, $3::text, $4::text[], $5::bytea, $6::bytea,
         GREATEST(moment.at, ${AFTER_CUT_OFFS}), moment.at, $7::bigint, to_timestamp($8::float8 / 1000),
         LEAST(to_timestamp($8::float8 / 1000), moment.at + $7::bigint * interval '1 millisecond'), s.id
       FROM taken s, moment
       RETURNING n.*
     ),
     evicted AS (
       UPDATE identity_session s SET version = s.version + 1, ended_by = $9::text, ended_at = moment.at, due_at = NULL,
         status = 'evicted', end_reason = 'limit_reached'
       FROM moment WHERE s.id = ANY ($10::uuid[]) AND ${UNENDED} AND EXISTS (SELECT FROM taken)
       RETURNING s.*
     ),
     taken_log AS (${logFrom('taken', `'restored'`, `'restored'`, '$9::text', '$1', '$11')}),
     created_log AS (
       INSERT INTO identity_session_event
         (at, type, session_id, version, tenant_id, user_id, reason, actor, operation_id, details, state, context)
       SELECT moment.at, 'created', s.id, s.version, s.tenant_id, s.user_id, 'restored', $9::text, $1::uuid,
         jsonb_build_object('restoredFrom', s.restored_from), ${LOGGED_STATE}, $11::jsonb
       FROM admitted s, moment
     ),
     evicted_log AS (${logFrom('evicted', 's.status', 's.end_reason', 's.ended_by', '$1', fromSource('policy'))})
     SELECT 'admitted' AS part, ${RECORD_COLUMNS} FROM admitted s
     UNION ALL
     SELECT 'ended' AS part, ${RECORD_COLUMNS} FROM taken s
     UNION ALL
     SELECT 'evicted' AS part, ${RECORD_COLUMNS} FROM evicted s`,
    [
      id,
      from,
      nodeName,
      scopeKeys,
      tokenDigest,
      saltBytes(rotationSalt),
      limits.idleTimeoutMs,
      limits.expiresAt,
      facts.userId,
      victims,
      JSON.stringify(loggedContext(context, 'sign-in')),
    ],
  );
  return rows.map((row) => ({ part: row.part, row }));
}

const RECENT = `s.ended_at > statement_timestamp() - ${LONGEST_UNDO_MS} * interval '1 millisecond'`;

/**
 * Settles what was revoked of a user: none of it can be undone or restored any more. The user's lock comes before the rows,
 * as with everybody who takes both; where there is nothing to settle nobody waits.
 */
export async function settleUndoOf(
  sql: SqlExecutor,
  { tenantId, userId }: SessionSubject,
  lock: bigint,
): Promise<void> {
  await sql.query(
    `UPDATE identity_session s SET undoable = false
     FROM (SELECT r.id, pg_advisory_xact_lock($3::bigint) FROM identity_session r
           WHERE r.user_id = $2::text AND r.status = 'revoked' AND r.tenant_id = $1::text AND r.undoable
             AND ${RECENT.replace('s.', 'r.')} OFFSET 0) revoked
     WHERE s.id = revoked.id AND s.undoable`,
    [tenantColumn(tenantId), userId, lock.toString()],
  );
}

/** Takes back what was permitted of sessions that match. */
export async function withdrawUndoOf(sql: SqlExecutor, filter: SessionFilter): Promise<void> {
  const parameters = new Parameters();
  await sql.query(
    `UPDATE identity_session s SET undoable = false
     WHERE ${conditionWithoutStatus(filter, parameters)} AND ${RECENT} AND s.status = 'revoked' AND s.undoable
       AND s.undone_at IS NOT NULL AND s.restored_as IS NULL`,
    parameters.values,
  );
}
