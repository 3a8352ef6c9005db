import type { SessionRecord } from '../../core/session.js';
import type { ChangeNote } from '../session-store.js';
import { operationOf } from './operation.js';
import { recordIfAny, recordOf, type SessionRow } from './session-row.js';
import type { SqlExecutor } from './sql-executor.js';
import type { SqlSession } from './sql-session.js';
import { type Operation, readByOperation } from './statements/change.statements.js';
import { type KeyedChange, lockKeyed, readKeyed } from './statements/keyed.statements.js';

/** A change with an idempotency key: what the log tells of already is not done again. */
export function changeKeyed(
  session: SqlSession,
  operation: Operation,
  keyed: KeyedChange,
  statement: (sql: SqlExecutor) => Promise<SessionRow[]>,
): Promise<SessionRecord[]> {
  return session.transaction(async (sql) => {
    await lockKeyed(sql, keyed, operation);
    const done = await readKeyed(sql, keyed, operation);
    return (done === undefined ? await statement(sql) : [done]).map(recordOf);
  });
}

/** A change of one session; a retry that finds nothing left to do looks whether its earlier attempt did it. */
export function changeOnce(
  session: SqlSession,
  note: ChangeNote,
  statement: (sql: SqlExecutor, operation: Operation) => Promise<SessionRow | undefined>,
  keyed?: KeyedChange,
): Promise<SessionRecord | undefined> {
  const operation = operationOf(note);
  if (operation.context.key !== undefined && keyed !== undefined) {
    const changed = async (sql: SqlExecutor) => rowsOf(await statement(sql, operation));
    return changeKeyed(session, operation, keyed, changed).then(([record]) => record);
  }
  return session.run(async (sql, attempt) => {
    const row = await statement(sql, operation);
    if (row !== undefined || attempt === 1) return recordIfAny(row);
    const [earlier] = await readByOperation(sql, operation.operationId);
    return recordIfAny(earlier);
  });
}

/** A change of some sessions; a retry gives what its earlier attempt has changed as well. */
export function changeSome(
  session: SqlSession,
  operation: Operation,
  statement: (sql: SqlExecutor) => Promise<SessionRow[]>,
): Promise<SessionRecord[]> {
  return session.run(async (sql, attempt) => {
    const changed = await statement(sql);
    // What an earlier attempt has done is done before this one can be: they lock the same rows.
    return (attempt > 1 ? await readByOperation(sql, operation.operationId) : changed).map(recordOf);
  });
}

function rowsOf(row: SessionRow | undefined): SessionRow[] {
  return row === undefined ? [] : [row];
}
