import type { SessionSubject } from '../../../core/session.js';
import type { DataReplacement } from '../../session-data.js';
import { loggedDataChange } from '../../session-data.js';
import { RECORD_COLUMNS, type SessionRow, tenantColumn } from '../session-row.js';
import type { SqlExecutor } from '../sql-executor.js';
import type { Operation } from './change.statements.js';
import { LOGGED_STATE, MOMENT, UNENDED } from './fragments.js';

/** Replaces the data of live sessions whose data is of the given versions; the others are left out. */
export async function replaceDataOf(
  sql: SqlExecutor,
  replacements: readonly DataReplacement[],
  operation: Operation,
  { alsoSuspended }: { readonly alsoSuspended: boolean },
): Promise<SessionRow[]> {
  return sql.query<SessionRow>(
    `WITH ${MOMENT},
     given AS (
       SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[]) AS g (id, from_version, data, details)
     ),
     changed AS (
       UPDATE identity_session s
       SET version = s.version + 1, data_version = s.data_version + 1, data = given.data::jsonb
       FROM given
       WHERE s.id = given.id AND s.data_version = given.from_version AND ${UNENDED}
         AND (s.status <> 'suspended' OR $8::boolean)
       RETURNING s.*
     ),
     logged AS (
       INSERT INTO identity_session_event
         (at, type, session_id, version, tenant_id, user_id, reason, actor, operation_id, state, context, details)
       SELECT moment.at, 'data_changed', s.id, s.version, s.tenant_id, s.user_id, $5::text, $6::text, $7::uuid,
         ${LOGGED_STATE}, $9::jsonb, given.details::jsonb
       FROM changed s JOIN given USING (id), moment
     )
     SELECT ${RECORD_COLUMNS} FROM changed s`,
    [
      replacements.map(({ id }) => id),
      replacements.map(({ fromVersion }) => fromVersion),
      replacements.map(({ data }) => JSON.stringify(data)),
      replacements.map((replacement) => JSON.stringify(loggedDataChange(replacement))),
      operation.reason,
      operation.by,
      operation.operationId,
      alsoSuspended,
      JSON.stringify(operation.context),
    ],
  );
}

/** Locks the next live sessions of a user, in id order as bulk ends do, and reads them. */
export async function lockPageOfUser(
  sql: SqlExecutor,
  { tenantId, userId }: SessionSubject,
  afterId: string | null,
  limit: number,
): Promise<SessionRow[]> {
  return sql.query<SessionRow>(
    `SELECT ${RECORD_COLUMNS} FROM identity_session s
     WHERE s.tenant_id = $1::text AND s.user_id = $2::text AND ${UNENDED} AND ($3::uuid IS NULL OR s.id > $3::uuid)
     ORDER BY s.id LIMIT $4::int FOR NO KEY UPDATE OF s`,
    [tenantColumn(tenantId), userId, afterId, limit],
  );
}
