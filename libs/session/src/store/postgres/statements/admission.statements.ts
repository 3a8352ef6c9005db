import type { SessionFacts } from '../../../core/session.js';
import { saltBytes } from '../../rotation-salt.js';
import { loggedContext } from '../../change-context.js';
import type { PendingAdmission } from '../../session-activation.js';
import type { Admission } from '../../session-store.js';
import type { StoredSettings } from '../../settings-store.js';
import { EFFECTIVE_COLUMNS, RECORD_COLUMNS, type SessionRow, tenantColumn } from '../session-row.js';
import type { SqlExecutor } from '../sql-executor.js';
import { CUT_OFF_JOIN, holds } from './cut-off.fragments.js';
import { fromSource, hasRunOut, IDLE_GRACE_MS, LIVE, logFrom, MOMENT, UNENDED } from './fragments.js';
import { settingsFor } from './setting.fragments.js';

/** Serialises the admissions of one subject until the transaction ends. */
export async function lockSubject(sql: SqlExecutor, lock: bigint): Promise<void> {
  await sql.query('SELECT pg_advisory_xact_lock($1::bigint)', [lock.toString()]);
}

/** The isolation level that the statement runs under. */
export async function readIsolationLevel(sql: SqlExecutor): Promise<string | undefined> {
  const rows = await sql.query<{ level: string }>(`SELECT current_setting('transaction_isolation') AS level`);
  return rows[0]?.level;
}

/** What an earlier attempt of the same admission, or activation, has left, if it did commit. */
export async function readEarlierAttempt(
  sql: SqlExecutor,
  id: string,
  type: 'created' | 'activated',
  operationId: string,
): Promise<{ part: 'admitted' | 'evicted' | 'ended'; row: SessionRow }[]> {
  const rows = await sql.query<SessionRow & { part: 'admitted' | 'evicted' | 'ended' }>(
    `SELECT CASE WHEN s.id = $1::uuid THEN 'admitted' WHEN e.type = 'evicted' THEN 'evicted' ELSE 'ended' END AS part,
            ${EFFECTIVE_COLUMNS}
     FROM identity_session_event made
     JOIN identity_session_event e ON e.xid = made.xid AND e.operation_id = made.operation_id
     JOIN identity_session s ON s.id = e.session_id ${CUT_OFF_JOIN}
     WHERE made.session_id = $1::uuid AND made.type = $2::text AND made.operation_id = $3::uuid
     ORDER BY e.id`,
    [id, type, operationId],
  );
  return rows.map((row) => ({ part: row.part, row }));
}

/** What ends by itself, or was cut off, at a sign-in. */
const ENDED_FROM = `CASE WHEN s.status = 'revoked' THEN ${fromSource('cut-off')} ELSE ${fromSource('sign-in')} END`;
/** What makes room for a newcomer, and what the newcomer takes the place of. */
const LEFT_FROM = `CASE WHEN s.status = 'signed_out' THEN ${fromSource('sign-in')} ELSE ${fromSource('policy')} END`;

type LivePart = 'ended' | 'live' | 'waiting' | 'earlier';
const LIVE_PART = `CASE WHEN s.holds_slot THEN 'live' ELSE 'waiting' END AS part`;

/**
 * Ends the subject's sessions that have run out or were cut off, and reads the ones that live, all as of one moment: as
 * `live` those that hold a slot, as `waiting` the others.
 * Also tells of the session with the id of the admission itself, which only an earlier attempt can have made. Those
 * that seem over are read again under their locks: whoever had them may have touched them, and then they live as
 * they are now, or ended them, and then they take no slot. With them comes what settings are stored: after the lock,
 * so that none is older than what had been answered when this began.
 */
export async function endRunOutAndReadLive(
  sql: SqlExecutor,
  facts: SessionFacts,
  replaces: string | null,
  operationId: string,
): Promise<{ rows: { part: LivePart; row: SessionRow }[]; settings: readonly StoredSettings[] }> {
  type Head = { settings: readonly StoredSettings[] | null };
  const rows = await sql.query<SessionRow & Head & { part: LivePart | null }>(
    `WITH ${MOMENT},
     over AS MATERIALIZED (
       SELECT s.id, cut.* FROM moment, identity_session s ${CUT_OFF_JOIN}
       WHERE s.tenant_id = $1::text AND s.user_id = $2::text AND ${LIVE}
         AND (cut.not_before IS NOT NULL
              OR (s.id IS DISTINCT FROM $3::uuid AND ${hasRunOut('moment.at', IDLE_GRACE_MS)}))
     ),
     locked AS MATERIALIZED (
       SELECT s.* FROM identity_session s WHERE s.id IN (SELECT id FROM over)
       ORDER BY s.id FOR NO KEY UPDATE
     ),
     ended AS (
       UPDATE identity_session s SET version = s.version + 1, due_at = NULL,
         status = CASE WHEN over.not_before IS NULL THEN 'expired' ELSE 'revoked' END,
         ended_at = COALESCE(over.not_before, moment.at), ended_by = over.actor,
         end_reason = CASE WHEN over.not_before IS NOT NULL THEN over.reason
                           WHEN s.expires_at <= moment.at THEN 'absolute_lifetime' ELSE 'idle_timeout' END
       FROM locked JOIN over USING (id), moment
       WHERE s.id = locked.id AND ${LIVE}
         AND (over.not_before IS NOT NULL OR ${hasRunOut('moment.at', IDLE_GRACE_MS)})
       RETURNING s.*
     ),
     logged AS (${logFrom('ended', 's.status', 's.end_reason', 's.ended_by', '$4', ENDED_FROM)})
     SELECT head.settings, found.* FROM (SELECT (${settingsFor('$1::text')}) AS settings) head LEFT JOIN (
     SELECT 'ended' AS part, ${RECORD_COLUMNS} FROM ended s
     UNION ALL
     SELECT ${LIVE_PART}, ${RECORD_COLUMNS} FROM identity_session s
     WHERE s.tenant_id = $1::text AND s.user_id = $2::text AND ${LIVE}
       AND s.id IS DISTINCT FROM $3::uuid AND s.id NOT IN (SELECT id FROM over)
     UNION ALL
     SELECT ${LIVE_PART}, ${RECORD_COLUMNS} FROM locked s
     WHERE ${LIVE} AND s.id NOT IN (SELECT id FROM ended)
       AND s.id NOT IN (SELECT id FROM over WHERE over.not_before IS NOT NULL)
     UNION ALL
     SELECT 'earlier' AS part, ${RECORD_COLUMNS} FROM identity_session s WHERE s.id = $4::uuid
     ) found ON true`,
    [tenantColumn(facts.tenantId), facts.userId, replaces, operationId],
  );
  return {
    rows: rows.flatMap((row) => (row.part === null ? [] : [{ part: row.part, row }])),
    settings: rows[0]?.settings ?? [],
  };
}

/** Whoever signs in after a cut-off is not refused by it, however the clock has moved since. */
const AFTER_CUT_OFFS = `(SELECT max(c.not_before) + interval '1 millisecond'
  FROM identity_session_cut_off c WHERE ${holds('$2::text', '$3::text')})`;

/**
 * Admits the newcomer, evicts the victims and ends the session that it replaces, in one statement and with one moment
 * for all. A replaced session of another user ends too: a browser holds one session.
 */
export async function insertAndEvict(
  sql: SqlExecutor,
  admission: Admission,
  scopeKeys: readonly string[],
  rotationSalt: string,
  nodeName: string | null,
  leaving: { readonly evicted: readonly string[]; readonly superseded: readonly string[] },
): Promise<{ part: 'admitted' | 'evicted' | 'ended'; row: SessionRow }[]> {
  const { facts, pending = null } = admission;
  const lifetimes =
    pending === null ? admission : { idleTimeoutMs: pending.timeLimitMs, absoluteLifetimeMs: pending.timeLimitMs };
  const rows = await sql.query<SessionRow & { part: 'admitted' | 'evicted' | 'ended' }>(
    `WITH ${MOMENT},
     admitted AS (
       INSERT INTO identity_session AS s
         (id, tenant_id, user_id, client_id, device_type, device_id, device_name, user_agent, initial_ip, last_ip,
          location, node_name, status, scope_keys, token_digest, rotation_salt, assurance, remember_me, created_at,
          authenticated_at, last_accessed_at, idle_timeout_ms, expires_at, due_at, data, impersonator_tenant_id,
          impersonator_id, holds_slot, pending, is_protected)
       SELECT $1::uuid, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text, $9::text,
          $10::text, $11::text, CASE WHEN $25::jsonb IS NULL THEN 'active' ELSE 'pending' END, $12::text[], $13::bytea, $14::bytea, $15::text, $16::boolean,
          GREATEST(moment.at, ${AFTER_CUT_OFFS}), moment.at, moment.at, $17::bigint, moment.at + $18::bigint * interval '1 millisecond',
          moment.at + least($17::bigint, $18::bigint) * interval '1 millisecond', $19::jsonb,
          $22::text, $23::text, $25::jsonb IS NULL, $25::jsonb, $26::boolean
       FROM moment
       RETURNING s.*
     ),
     ended AS (
       UPDATE identity_session s SET version = s.version + 1, ended_by = $3::text, ended_at = moment.at, due_at = NULL,
         status = CASE WHEN s.id = $21::uuid THEN 'signed_out' WHEN s.id = ANY ($24::uuid[]) THEN 'rejected'
                       ELSE 'evicted' END,
         end_reason = CASE WHEN s.id = $21::uuid THEN 'replaced' WHEN s.id = ANY ($24::uuid[]) THEN 'superseded'
                           ELSE 'limit_reached' END
       FROM moment
       WHERE (s.id = ANY ($20::uuid[] || $24::uuid[]) OR s.id = $21::uuid) AND ${UNENDED}
       RETURNING s.*
     ),
     created_log AS (${logFrom('admitted', `'created'`, 'NULL', '$3::text', '$1', '$27')}),
     ended_log AS (${logFrom('ended', 's.status', 's.end_reason', 's.ended_by', '$1', LEFT_FROM)})
     SELECT 'admitted' AS part, ${RECORD_COLUMNS} FROM admitted s
     UNION ALL
     SELECT CASE WHEN s.status = 'evicted' THEN 'evicted' ELSE 'ended' END AS part, ${RECORD_COLUMNS} FROM ended s`,
    [
      admission.id,
      tenantColumn(facts.tenantId),
      facts.userId,
      facts.clientId,
      facts.deviceType,
      facts.deviceId,
      admission.deviceName,
      admission.userAgent,
      admission.ip,
      admission.location,
      nodeName,
      scopeKeys,
      admission.tokenDigest,
      saltBytes(rotationSalt),
      admission.assurance,
      admission.rememberMe,
      lifetimes.idleTimeoutMs,
      lifetimes.absoluteLifetimeMs,
      JSON.stringify(admission.data),
      leaving.evicted,
      admission.replaces,
      admission.impersonator === null ? null : tenantColumn(admission.impersonator.tenantId),
      admission.impersonator?.userId ?? null,
      leaving.superseded,
      pending === null ? null : pendingJson(pending),
      admission.isProtected ?? false,
      JSON.stringify(loggedContext({ ip: admission.ip, ...admission.context }, 'sign-in')),
    ],
  );
  return rows.map((row) => ({ part: row.part, row }));
}

function pendingJson({ requirements, roles }: PendingAdmission): string {
  return JSON.stringify({ requirements: requirements.map((requirement) => ({ ...requirement, met: [] })), roles });
}

/** Remembers a question of the policy; questions that nobody answered go on the way. */
export async function insertQuestion(
  sql: SqlExecutor,
  facts: SessionFacts,
  question: Admission['question'],
): Promise<void> {
  await sql.query(
    `WITH stale AS (DELETE FROM identity_session_question WHERE expires_at <= statement_timestamp())
     INSERT INTO identity_session_question (ticket_digest, tenant_id, user_id, expires_at)
     VALUES ($1::bytea, $2::text, $3::text, clock_timestamp() + $4::bigint * interval '1 millisecond')
     ON CONFLICT (ticket_digest) DO UPDATE SET expires_at = excluded.expires_at`,
    [question.ticketDigest, tenantColumn(facts.tenantId), facts.userId, question.lifetimeMs],
  );
}

/** Uses up a ticket. True where it was open and belonged to the subject. */
export async function takeQuestion(sql: SqlExecutor, facts: SessionFacts, ticketDigest: Uint8Array): Promise<boolean> {
  const rows = await sql.query(
    `DELETE FROM identity_session_question
     WHERE ticket_digest = $1::bytea AND tenant_id = $2::text AND user_id = $3::text AND expires_at > clock_timestamp()
     RETURNING true AS taken`,
    [ticketDigest, tenantColumn(facts.tenantId), facts.userId],
  );
  return rows.length > 0;
}
