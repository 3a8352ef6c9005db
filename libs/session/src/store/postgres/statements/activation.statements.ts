import type { RequirementMet } from '../../../core/pending.js';
import type { AssuranceLevel } from '../../../core/session.js';
import { saltBytes } from '../../rotation-salt.js';
import type { Activation } from '../../session-activation.js';
import type { SessionScope } from '../../session-store.js';
import { RECORD_COLUMNS, type SessionRow } from '../session-row.js';
import type { SqlExecutor } from '../sql-executor.js';
import { contextIn, type Operation } from './change.statements.js';
import {
  fromSource,
  hasRunOut,
  IDLE_GRACE_MS,
  logFrom,
  MOMENT,
  Parameters,
  scopeCondition,
  UNENDED,
} from './fragments.js';

/** A pending session in scope, under a lock of its row until the transaction ends. */
export async function lockPending(sql: SqlExecutor, scope: SessionScope, id: string): Promise<SessionRow | undefined> {
  const parameters = new Parameters();
  const rows = await sql.query<SessionRow>(
    `SELECT ${RECORD_COLUMNS} FROM identity_session s
     WHERE s.id = ${parameters.add(id, 'uuid')} AND ${scopeCondition(scope, parameters)}
       AND s.status = 'pending' AND s.pending IS NOT NULL AND ${UNENDED}
       AND NOT ${hasRunOut('clock_timestamp()', IDLE_GRACE_MS)}
     FOR NO KEY UPDATE OF s`,
    parameters.values,
  );
  return rows[0];
}

/** Adds to what has been met of the requirement at `position`, as of the moment that the log has too. */
export async function markMet(
  sql: SqlExecutor,
  id: string,
  position: number,
  assurance: AssuranceLevel,
  operation: Operation,
): Promise<SessionRow | undefined> {
  const by: RequirementMet['by'] = operation.by;
  const rows = await sql.query<SessionRow>(
    `WITH ${MOMENT},
     changed AS (
       UPDATE identity_session s SET version = s.version + 1, assurance = $3::text,
         pending = jsonb_insert(s.pending, ARRAY['requirements', $2::text, 'met', '-1'], jsonb_build_object(
           'by', $4::text, 'at', (extract(epoch FROM moment.at) * 1000)::float8), true)
       FROM moment WHERE s.id = $1::uuid AND s.status = 'pending' AND ${UNENDED}
       RETURNING s.*
     ),
     logged AS (${logFrom('changed', `'requirement_met'`, '$5::text', '$4::text', '$6', '$7')})
     SELECT ${RECORD_COLUMNS} FROM changed s`,
    [id, String(position), assurance, by, operation.reason, operation.operationId, JSON.stringify(operation.context)],
  );
  return rows[0];
}

/** A pending session's own token dies, and its lifetimes begin. */
function completion(
  { completes, idleTimeoutMs, absoluteLifetimeMs }: Activation,
  salt: string,
  parameters: Parameters,
) {
  if (completes === null) return [];
  const idleMs = parameters.add(idleTimeoutMs, 'bigint');
  const absoluteMs = parameters.add(absoluteLifetimeMs, 'bigint');
  return [
    'pending = NULL',
    `token_digest = ${parameters.add(completes.tokenDigest, 'bytea')}`,
    'token_generation = s.token_generation + 1',
    ...['token_digest', 'assurance', 'authenticated_at', 'has_successor'].map((column) => `previous_${column} = NULL`),
    `rotation_salt = ${parameters.add(saltBytes(salt), 'bytea')}`,
    'rotated_at = moment.at',
    'authenticated_at = moment.at',
    'last_accessed_at = moment.at',
    `idle_timeout_ms = ${idleMs}`,
    `expires_at = moment.at + ${absoluteMs} * interval '1 millisecond'`,
    `due_at = moment.at + least(${idleMs}, ${absoluteMs}) * interval '1 millisecond'`,
  ];
}

/**
 * Makes a session active that holds a slot from then on, and evicts the victims: in one statement and with one moment for
 * all. Nobody is evicted where the session has left its state meanwhile.
 */
export async function activateAndEvict(
  sql: SqlExecutor,
  activation: Activation,
  scopeKeys: readonly string[],
  rotationSalt: string,
  victims: readonly string[],
  operation: Operation,
): Promise<{ part: 'admitted' | 'evicted'; row: SessionRow }[]> {
  const { completes } = activation;
  const parameters = new Parameters();
  const where = [
    `s.id = ${parameters.add(activation.id, 'uuid')}`,
    scopeCondition(activation.scope, parameters),
    completes === null
      ? `s.status = 'suspended'`
      : `s.status = 'pending' AND s.token_generation = ${parameters.add(completes.fromGeneration, 'int')}`,
    UNENDED,
    `NOT ${hasRunOut('moment.at', IDLE_GRACE_MS)}`,
  ].join(' AND ');
  const set = [
    `status = 'active'`,
    'holds_slot = true',
    `scope_keys = ${parameters.add(scopeKeys, 'text[]')}`,
    ...completion(activation, rotationSalt, parameters),
  ].join(', ');
  const reason = parameters.add(operation.reason, 'text');
  const actor = parameters.add(operation.by, 'text');
  const operationId = parameters.add(operation.operationId, 'uuid');
  const rows = await sql.query<SessionRow & { part: 'admitted' | 'evicted' }>(
    `WITH ${MOMENT},
     activated AS (
       UPDATE identity_session s SET version = s.version + 1, ${set} FROM moment WHERE ${where} RETURNING s.*
     ),
     evicted AS (
       UPDATE identity_session s SET version = s.version + 1, ended_by = ${actor}, ended_at = moment.at, due_at = NULL,
         status = 'evicted', end_reason = 'limit_reached'
       FROM moment WHERE s.id = ANY (${parameters.add(victims, 'uuid[]')}) AND ${UNENDED}
         AND EXISTS (SELECT FROM activated)
       RETURNING s.*
     ),
     activated_log AS (${logFrom('activated', `'activated'`, reason, actor, operationId, contextIn(operation, parameters))}),
     evicted_log AS (${logFrom('evicted', 's.status', 's.end_reason', 's.ended_by', operationId, fromSource('policy'))})
     SELECT 'admitted' AS part, ${RECORD_COLUMNS} FROM activated s
     UNION ALL
     SELECT 'evicted' AS part, ${RECORD_COLUMNS} FROM evicted s`,
    parameters.values,
  );
  return rows.map((row) => ({ part: row.part, row }));
}
