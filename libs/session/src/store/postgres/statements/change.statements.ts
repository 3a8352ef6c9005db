import type { SessionStatus } from '../../../core/lifecycle.js';
import { statesBefore } from '../../../core/lifecycle.js';
import { saltBytes } from '../../rotation-salt.js';
import type { LoggedContext } from '../../change-context.js';
import type { ChangeNote, Rotation, SessionFilter, SessionScope } from '../../session-store.js';
import { EFFECTIVE_COLUMNS, RECORD_COLUMNS, type SessionRow } from '../session-row.js';
import type { SqlExecutor } from '../sql-executor.js';
import { CUT_OFF_JOIN } from './cut-off.fragments.js';
import { undoableBy } from './undo.fragments.js';
import { conditionWithoutStatus, filterCondition, notCutOff } from './filter.fragments.js';
import {
  hasRunOut,
  IDLE_GRACE_MS,
  logFrom,
  MOMENT,
  NOT_SUSPENDED,
  Parameters,
  scopeCondition,
  UNENDED,
} from './fragments.js';

/** Identifies one operation over all its attempts, and who does it why. */
export interface Operation extends Pick<ChangeNote, 'reason' | 'by'> {
  readonly operationId: string;
  readonly context: LoggedContext;
  readonly undoable?: boolean;
}

/** Where an operation comes from, as an expression of the log. */
export function contextIn({ context }: Operation, parameters: Parameters): string {
  return parameters.add(JSON.stringify(context), 'jsonb');
}

const ENDING = `version = s.version + 1, ended_at = moment.at, due_at = NULL`;

/** Ends one session; no row where none in scope is in a state before `status`. */
export async function endOne(
  sql: SqlExecutor,
  scope: SessionScope,
  id: string,
  status: SessionStatus,
  operation: Operation,
): Promise<SessionRow | undefined> {
  const parameters = new Parameters();
  const where = `s.id = ${parameters.add(id, 'uuid')} AND ${scopeCondition(scope, parameters)}`;
  return (await endWhere<SessionRow>(sql, where, parameters, status, operation, RECORD_COLUMNS))[0];
}

/** What of a changed session others must know, where nobody asks for more: a page of whole rows takes its time to read. */
const VERSION_COLUMNS = 's.id, s.version';
type VersionRow = Pick<SessionRow, 'id' | 'version'>;

/** Ends the first `limit` live sessions that match, locked in id order so that bulk calls cannot deadlock. */
export function endPage(
  sql: SqlExecutor,
  filter: SessionFilter,
  status: SessionStatus,
  operation: Operation,
  limit: number,
): Promise<SessionRow[]> {
  return endPageOf<SessionRow>(sql, filter, status, operation, limit, RECORD_COLUMNS);
}

/** The same for whoever needs no more of them than their versions. */
export function endPageBriefly(
  sql: SqlExecutor,
  filter: SessionFilter,
  status: SessionStatus,
  operation: Operation,
  limit: number,
): Promise<VersionRow[]> {
  return endPageOf<VersionRow>(sql, filter, status, operation, limit, VERSION_COLUMNS);
}

function endPageOf<TRow>(
  sql: SqlExecutor,
  filter: SessionFilter,
  status: SessionStatus,
  operation: Operation,
  limit: number,
  columns: string,
): Promise<TRow[]> {
  const parameters = new Parameters();
  const condition =
    filter.status === undefined || filter.status === 'unended'
      ? // One condition of the status, since the planner would take two for rarer than one.
        `${conditionWithoutStatus(filter, parameters)} AND ${stateBefore(status, parameters)} AND ${notCutOff(filter.ids === undefined)}`
      : `${UNENDED} AND ${filterCondition(filter, parameters)} AND ${stateBefore(status, parameters)}`;
  const page = `page AS MATERIALIZED (
    SELECT s.id FROM identity_session s WHERE ${condition}
    ORDER BY s.id LIMIT ${parameters.add(limit, 'int')} FOR NO KEY UPDATE)`;
  return endWhere<TRow>(sql, 's.id IN (SELECT id FROM page)', parameters, status, operation, columns, page);
}

/** Suspends the first `limit` active sessions that match, in the same way. */
export async function suspendPage(
  sql: SqlExecutor,
  filter: SessionFilter,
  operation: Operation,
  limit: number,
  freesSlot: boolean,
): Promise<VersionRow[]> {
  const parameters = new Parameters();
  const allowed = stateBefore('suspended', parameters);
  const matches = filterCondition(filter, parameters);
  const most = parameters.add(limit, 'int');
  const reason = parameters.add(operation.reason, 'text');
  const actor = parameters.add(operation.by, 'text');
  return sql.query<VersionRow>(
    `WITH page AS MATERIALIZED (
       SELECT s.id FROM identity_session s WHERE ${UNENDED} AND ${allowed} AND ${matches}
       ORDER BY s.id LIMIT ${most} FOR NO KEY UPDATE
     ), ${MOMENT},
     changed AS (
       UPDATE identity_session s SET version = s.version + 1, status = 'suspended'${freesSlot ? ', holds_slot = false' : ''}
       FROM moment WHERE s.id IN (SELECT id FROM page) AND ${UNENDED} AND ${allowed}
       RETURNING s.*
     ),
     logged AS (${logFrom('changed', `'suspended'`, reason, actor, parameters.add(operation.operationId, 'uuid'), contextIn(operation, parameters))})
     SELECT ${VERSION_COLUMNS} FROM changed s`,
    parameters.values,
  );
}

async function endWhere<TRow>(
  sql: SqlExecutor,
  where: string,
  parameters: Parameters,
  status: SessionStatus,
  operation: Operation,
  columns: string,
  before?: string,
): Promise<TRow[]> {
  const target = parameters.add(status, 'text');
  const reason = parameters.add(operation.reason, 'text');
  const actor = parameters.add(operation.by, 'text');
  const allowed = stateBefore(status, parameters);
  const undoable = operation.undoable === true ? `, undoable = ${undoableBy(actor)}` : '';
  return sql.query<TRow>(
    `WITH ${before === undefined ? '' : `${before}, `}${MOMENT},
     ended AS (
       UPDATE identity_session s SET ${ENDING}, status = ${target}, end_reason = ${reason}, ended_by = ${actor}${undoable}
       FROM moment WHERE ${where} AND ${UNENDED} AND ${allowed}
       RETURNING s.*
     ),
     logged AS (${logFrom('ended', 's.status', reason, actor, parameters.add(operation.operationId, 'uuid'), contextIn(operation, parameters))})
     SELECT ${columns} FROM ended s`,
    parameters.values,
  );
}

function stateBefore(status: SessionStatus, parameters: Parameters): string {
  return `s.status = ANY (${parameters.add(statesBefore(status), 'text[]')})`;
}

/** Sets columns of one live session in scope and logs it as `type`. `set` and `where` may use the given parameters. */
async function changeOne(
  sql: SqlExecutor,
  change: { readonly type: string; readonly set: string; readonly where: string; readonly parameters: Parameters },
  operation: Operation,
): Promise<SessionRow | undefined> {
  const { parameters } = change;
  const reason = parameters.add(operation.reason, 'text');
  const actor = parameters.add(operation.by, 'text');
  const operationId = parameters.add(operation.operationId, 'uuid');
  const rows = await sql.query<SessionRow>(
    `WITH ${MOMENT},
     changed AS (
       UPDATE identity_session s SET version = s.version + 1, ${change.set}
       FROM moment WHERE ${change.where} AND ${UNENDED}
       RETURNING s.*
     ),
     logged AS (${logFrom('changed', `'${change.type}'`, reason, actor, operationId, contextIn(operation, parameters))})
     SELECT ${RECORD_COLUMNS} FROM changed s`,
    parameters.values,
  );
  return rows[0];
}

export async function changeStatusOne(
  sql: SqlExecutor,
  filter: SessionFilter,
  to: 'active' | 'suspended',
  operation: Operation,
  freesSlot: boolean,
): Promise<SessionRow | undefined> {
  const parameters = new Parameters();
  const where = [
    conditionWithoutStatus(filter, parameters),
    stateBefore(to, parameters),
    // Nothing brings back what has run out, and what holds no slot comes back by the policy alone.
    ...(to === 'active'
      ? [`s.status = 'suspended' AND s.holds_slot AND NOT ${hasRunOut('moment.at', IDLE_GRACE_MS)}`]
      : []),
  ].join(' AND ');
  const set = `status = ${parameters.add(to, 'text')}${freesSlot && to === 'suspended' ? ', holds_slot = false' : ''}`;
  return changeOne(sql, { type: to === 'active' ? 'activated' : 'suspended', set, where, parameters }, operation);
}

export async function renameOne(
  sql: SqlExecutor,
  scope: SessionScope,
  id: string,
  deviceName: string | null,
  operation: Operation,
): Promise<SessionRow | undefined> {
  const parameters = new Parameters();
  const where = `s.id = ${parameters.add(id, 'uuid')} AND ${scopeCondition(scope, parameters)} AND ${NOT_SUSPENDED}`;
  const set = `device_name = ${parameters.add(deviceName, 'text')}`;
  return changeOne(sql, { type: 'renamed', set, where, parameters }, operation);
}

const REAUTHENTICATED = `authenticated_at = moment.at, last_accessed_at = moment.at,
  expires_at = moment.at + (s.expires_at - s.authenticated_at),
  due_at = moment.at + least(s.expires_at - s.authenticated_at, s.idle_timeout_ms * interval '1 millisecond')`;

/**
 * Replaces the token; the old digest is dead at once unless it is kept as the previous one. Re-authentication moves both limits: the absolute lifetime is what
 * lies between `authenticated_at` and `expires_at`, and it begins anew. Nothing revives a session that has run out.
 */
export async function rotateOne(
  sql: SqlExecutor,
  rotation: Rotation,
  rotationSalt: string,
  operation: Operation,
): Promise<SessionRow | undefined> {
  const parameters = new Parameters();
  const where = [
    `s.id = ${parameters.add(rotation.id, 'uuid')}`,
    `s.token_generation = ${parameters.add(rotation.fromGeneration, 'int')}`,
    `s.status = 'active'`,
    `NOT ${hasRunOut('moment.at', IDLE_GRACE_MS)}`,
  ].join(' AND ');
  const set = [
    `token_digest = ${parameters.add(rotation.tokenDigest, 'bytea')}`,
    ...previousToken(rotation, parameters),
    'token_generation = s.token_generation + 1',
    // A successor derives from the salt on every node that is asked for it.
    ...(rotation.previous?.hasSuccessor === true
      ? []
      : [`rotation_salt = ${parameters.add(saltBytes(rotationSalt), 'bytea')}`]),
    'rotated_at = moment.at',
    ...(rotation.assurance === undefined ? [] : [`assurance = ${parameters.add(rotation.assurance, 'text')}`]),
    ...(rotation.reauthenticated ? [REAUTHENTICATED] : []),
    ...(rotation.from === undefined ? [] : [`user_agent = ${parameters.add(rotation.from.userAgent, 'text')}`]),
  ].join(', ');
  return changeOne(sql, { type: 'rotated', set, where, parameters }, operation);
}

function previousToken({ previous }: Rotation, parameters: Parameters): string[] {
  if (previous === undefined) {
    const columns = ['token_digest', 'assurance', 'authenticated_at', 'has_successor'];
    return columns.map((column) => `previous_${column} = NULL`);
  }
  return [
    'previous_token_digest = s.token_digest',
    'previous_assurance = s.assurance',
    'previous_authenticated_at = s.authenticated_at',
    `previous_has_successor = ${parameters.add(previous.hasSuccessor, 'boolean')}`,
  ];
}

/** The sessions that an earlier attempt of the operation has changed already; retries come within seconds. */
export async function readByOperation(sql: SqlExecutor, operationId: string): Promise<SessionRow[]> {
  return sql.query<SessionRow>(
    `SELECT ${EFFECTIVE_COLUMNS} FROM identity_session s ${CUT_OFF_JOIN}
     WHERE s.id IN (SELECT e.session_id FROM identity_session_event e
                    WHERE e.at >= statement_timestamp() - interval '5 minutes' AND e.operation_id = $1::uuid)`,
    [operationId],
  );
}
