import { type Erasure, ERASURE_PAGE, READ_BY_ALL_MS } from '../../user-erasure.js';
import type { EndedVersion } from '../../session-cleanup.js';
import { tenantColumn } from '../session-row.js';
import type { SqlExecutor } from '../sql-executor.js';
import type { Operation } from './change.statements.js';
import { LIVE, logFrom, MOMENT } from './fragments.js';
import { COUNT, countOf, type Counted } from './row-count.js';

/** Every statement begins with these: the tenant, the user, the pseudonym. */
const whose = ({ tenantId, userId, pseudonym }: Erasure): unknown[] => [tenantColumn(tenantId), userId, pseudonym];

/** Nobody may come back by the token of a session that has nobody any more. */
const UNKNOWN_DIGEST = `sha256(gen_random_uuid()::text::bytea)`;

/** The user's ended sessions `s`, and what is to be erased of the log `e`. */
const SESSIONS = `s.tenant_id = $1::text AND s.user_id = $2::text AND NOT (${LIVE})`;
const ENTRIES = `e.user_id = $2::text AND e.tenant_id = $1::text
  AND (e.session_id IS NOT NULL OR e.at < clock_timestamp() - interval '${READ_BY_ALL_MS} milliseconds')
  AND NOT EXISTS (SELECT FROM identity_session s WHERE s.id = e.session_id AND s.user_id = $2::text)`;

/** Removes what is personal from a page of ended sessions, with their addresses; the log tells the nodes to forget them. */
export async function eraseSessions(sql: SqlExecutor, erasure: Erasure, operation: Operation): Promise<EndedVersion[]> {
  return sql.query<EndedVersion>(
    `WITH ${MOMENT},
     page AS MATERIALIZED (
       SELECT s.id FROM identity_session s
       WHERE ${SESSIONS}
       ORDER BY s.id LIMIT $4::int FOR NO KEY UPDATE
     ),
     changed AS (
       UPDATE identity_session s SET version = s.version + 1, user_id = $3::text, device_id = NULL, device_name = NULL,
         user_agent = NULL, initial_ip = NULL, last_ip = NULL, location = NULL, scrubbed_at = moment.at, scope_keys = '{}',
         data = '{}', pending = NULL, end_reason = 'erased', token_digest = ${UNKNOWN_DIGEST}, previous_token_digest = NULL,
         undoable = NULL, restorable_until = NULL,
         ended_by = CASE WHEN s.ended_by = $2::text THEN $3::text ELSE s.ended_by END,
         undone_by = CASE WHEN s.undone_by = $2::text THEN $3::text ELSE s.undone_by END
       FROM page, moment WHERE s.id = page.id
       RETURNING s.*
     ),
     addresses AS (DELETE FROM identity_session_address a USING page WHERE a.session_id = page.id),
     logged AS (${logFrom('changed', `'erased'`, 'NULL', '$5::text', '$6', '$7')})
     SELECT s.id, s.version FROM changed s`,
    [
      ...whose(erasure),
      ERASURE_PAGE,
      operation.by === erasure.userId ? erasure.pseudonym : operation.by,
      operation.operationId,
      JSON.stringify(operation.context),
    ],
  );
}

/**
 * Removes what is personal from a page of the log, but for what is about sessions that are still the user's. Cut-offs of the
 * user, which are nothing without the id, go once every node has read them or begun anew.
 */
export async function eraseEntries(sql: SqlExecutor, erasure: Erasure): Promise<number> {
  return countOf(
    await sql.query<Counted>(
      `WITH page AS MATERIALIZED (
         SELECT e.id, e.session_id FROM identity_session_event e
         WHERE ${ENTRIES}
         ORDER BY e.id LIMIT $4::int FOR UPDATE
       ),
       gone AS (DELETE FROM identity_session_event e USING page WHERE e.id = page.id AND page.session_id IS NULL),
       stripped AS (
         UPDATE identity_session_event e SET user_id = $3::text, reason = NULL, details = NULL,
           actor = CASE WHEN e.actor = $2::text THEN $3::text ELSE e.actor END,
           operation_id = CASE WHEN e.type = 'drifted' THEN NULL ELSE e.operation_id END,
           state = e.state - '{deviceName,requirements}'::text[],
           context = jsonb_strip_nulls(jsonb_build_object('source', e.context -> 'source'))
         FROM page WHERE e.id = page.id AND page.session_id IS NOT NULL
       ),
       changed AS (SELECT id FROM page)
       ${COUNT}`,
      [...whose(erasure), ERASURE_PAGE],
    ),
  );
}

/** Whether a page has come back empty because somebody else had its rows, and not because there are none. */
export async function isErased(sql: SqlExecutor, erasure: Erasure): Promise<boolean> {
  const rows = await sql.query<{ is_left: boolean }>(
    `SELECT $3::text IS NOT NULL AND (EXISTS (SELECT FROM identity_session s WHERE ${SESSIONS})
       OR EXISTS (SELECT FROM identity_session_event e WHERE ${ENTRIES})) AS is_left`,
    whose(erasure),
  );
  return rows[0]?.is_left === false;
}

/** What else there is of a user: few rows, or few tables' worth of them. */
const ELSEWHERE = [
  'DELETE FROM identity_session_question WHERE tenant_id = $1::text AND user_id = $2::text AND $3::text IS NOT NULL',
  `UPDATE identity_session_cut_off SET reason = 'erased', actor = CASE WHEN actor = $2::text THEN $3::text ELSE actor END
   WHERE tenant_id = $1::text AND user_id = $2::text AND reason <> 'erased'`,
  `DELETE FROM identity_session_cut_off
   WHERE tenant_id = $1::text AND user_id = $2::text AND $3::text IS NOT NULL
     AND not_before < clock_timestamp() - interval '${READ_BY_ALL_MS} milliseconds'`,
  `DELETE FROM identity_session_connection c
   WHERE c.tenant_id = $1::text AND c.user_id = $2::text AND $3::text IS NOT NULL
     AND NOT EXISTS (SELECT FROM identity_session s WHERE s.id = c.session_id AND s.user_id = $2::text)`,
  `UPDATE identity_session_job SET reason = 'erased', error = NULL,
     filter = jsonb_set(filter, '{userId}', to_jsonb($3::text))
   WHERE filter ->> 'userId' = $2::text AND COALESCE(filter ->> 'tenantId', '') IN ('', $1::text)
     AND finished_at IS NOT NULL`,
  `UPDATE identity_session_dead_letter SET error = 'erased', event = (event - 'keys')
     || jsonb_build_object('userId', $3::text, 'reason', NULL,
          'actor', CASE WHEN event ->> 'actor' = $2::text THEN $3::text ELSE event ->> 'actor' END)
   WHERE event ->> 'userId' = $2::text AND COALESCE(event ->> 'tenantId', '') = $1::text`,
];

export async function eraseElsewhere(sql: SqlExecutor, erasure: Erasure): Promise<void> {
  for (const statement of ELSEWHERE) await sql.query(statement, whose(erasure));
}

export async function insertErasure(
  sql: SqlExecutor,
  tenantId: string | null,
  { reason, by, operationId, context }: Operation,
  erased: { readonly sessions: number; readonly entries: number },
): Promise<void> {
  await sql.query(
    `INSERT INTO identity_session_event (at, type, tenant_id, reason, actor, operation_id, context, details)
     SELECT date_trunc('milliseconds', clock_timestamp()), 'user_erased', $1::text, $2::text, $3::text, $4::uuid,
       $5::jsonb, $6::jsonb`,
    [tenantColumn(tenantId), reason, by, operationId, JSON.stringify(context), JSON.stringify(erased)],
  );
}
