import type { SessionRecord, SessionSubject } from '../../core/session.js';
import type { DataChange, DataReplacement } from '../session-data.js';
import { BULK_PAGE } from '../session-store.js';
import { subjectLock } from './admit-transaction.js';
import { recordOf, type SessionRow } from './session-row.js';
import type { SqlExecutor } from './sql-executor.js';
import { lockSubject } from './statements/admission.statements.js';
import { type Operation, readByOperation } from './statements/change.statements.js';
import { lockPageOfUser, replaceDataOf } from './statements/data.statements.js';
import { settleUndoOf } from './statements/undo.statements.js';

/**
 * Changes the data of all live sessions of a user, page by page inside a READ COMMITTED transaction. Under the lock of
 * the user's admissions, so that none is left out because it was just being made; rows are locked in id order.
 */
export async function changeUserDataInTransaction(
  sql: SqlExecutor,
  subject: SessionSubject,
  change: (session: SessionRecord) => Promise<DataChange | undefined>,
  operation: Operation,
  attempt: number,
): Promise<SessionRecord[]> {
  await lockSubject(sql, subjectLock(subject));
  // What an earlier attempt has committed is done: the same again could be another change.
  const done = attempt > 1 ? await readByOperation(sql, operation.operationId) : [];
  if (done.length > 0) return done.map(recordOf);
  const replacements: DataReplacement[] = [];
  let page: readonly SessionRow[];
  let afterId: string | null = null;
  do {
    page = await lockPageOfUser(sql, subject, afterId, BULK_PAGE);
    afterId = page.at(-1)?.id ?? null;
    for (const row of page) {
      const session = recordOf(row);
      const answer = await change(session);
      if (answer !== undefined) replacements.push({ ...answer, id: session.id, fromVersion: session.dataVersion });
    }
  } while (page.length === BULK_PAGE);
  // Only now: a caller whose change was refused may go on with its transaction.
  const changed: SessionRecord[] = [];
  for (let from = 0; from < replacements.length; from += BULK_PAGE) {
    const some = replacements.slice(from, from + BULK_PAGE);
    changed.push(...(await replaceDataOf(sql, some, operation, { alsoSuspended: true })).map(recordOf));
  }
  // Revoked ones keep what they had, and would bring it back.
  await settleUndoOf(sql, subject, subjectLock(subject));
  return changed;
}
