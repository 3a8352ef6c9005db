import { createHash } from 'node:crypto';
import type { SessionScope } from '../../session-store.js';
import { EFFECTIVE_COLUMNS, type SessionRow } from '../session-row.js';
import type { SqlExecutor } from '../sql-executor.js';
import type { Operation } from './change.statements.js';
import { CUT_OFF_JOIN } from './cut-off.fragments.js';
import { Parameters, scopeCondition } from './fragments.js';

/** What a change with an idempotency key is about: the session, and the type that its log row has. */
export interface KeyedChange {
  readonly scope: SessionScope;
  readonly id: string;
  readonly type: string;
  readonly userId?: string | undefined;
}

/** Lets one change with the key at a session at a time, until the transaction ends. */
export async function lockKeyed(sql: SqlExecutor, { id, type }: KeyedChange, operation: Operation): Promise<void> {
  const text = `identity-session-key:${id}:${type}:${JSON.stringify([operation.by, operation.context.key])}`;
  const lock = createHash('sha256').update(text).digest().readBigInt64BE(0);
  await sql.query('SELECT pg_advisory_xact_lock($1::bigint)', [lock.toString()]);
}

/** The session as it is now, if the actor has made this change of it with this key already. */
export async function readKeyed(
  sql: SqlExecutor,
  { scope, id, type, userId }: KeyedChange,
  { by, context }: Operation,
): Promise<SessionRow | undefined> {
  const parameters = new Parameters();
  const conditions = [
    `s.id = ${parameters.add(id, 'uuid')}`,
    scopeCondition(scope, parameters),
    ...(userId === undefined ? [] : [`s.user_id = ${parameters.add(userId, 'text')}`]),
    `EXISTS (
       SELECT FROM identity_session_event e
       WHERE e.session_id = s.id AND e.type = ${parameters.add(type, 'text')}
         AND e.actor IS NOT DISTINCT FROM ${parameters.add(by, 'text')}
         AND e.context ->> 'key' = ${parameters.add(context.key, 'text')})`,
  ];
  const rows = await sql.query<SessionRow>(
    `SELECT ${EFFECTIVE_COLUMNS} FROM identity_session s ${CUT_OFF_JOIN} WHERE ${conditions.join(' AND ')}`,
    parameters.values,
  );
  return rows[0];
}
