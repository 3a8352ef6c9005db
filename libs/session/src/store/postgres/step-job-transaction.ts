import { filterOfJob, type JobProgress, type JobStep } from '../session-jobs.js';
import { operationOf } from './operation.js';
import type { SqlExecutor } from './sql-executor.js';
import { endPageBriefly, type Operation, readByOperation, suspendPage } from './statements/change.statements.js';
import { lockJob, notePage } from './statements/job.statements.js';

/** Who does it why is the job's to say; the attempts of one step have the id in common. */
export type StepOperation = Pick<Operation, 'operationId'>;

/**
 * One page of a job, inside a READ COMMITTED transaction. The job's lock comes first: whoever cancels it, or takes it over,
 * waits for the page and nothing is changed afterwards.
 */
export async function stepJobInTransaction(
  sql: SqlExecutor,
  { id, claim, ids, freesSlot }: JobStep,
  { operationId }: StepOperation,
): Promise<JobProgress | undefined> {
  const job = await lockJob(sql, id, claim);
  const lastId = ids.at(-1);
  if (job === undefined || lastId === undefined) return undefined;
  // An earlier attempt, whose answer was lost.
  if (job.lastId !== null && job.lastId >= lastId) {
    return { job, versions: versionsOf(await readByOperation(sql, operationId)) };
  }
  const filter = { ...filterOfJob(job), ids };
  const note = { reason: job.reason, by: job.askedBy, undoable: true };
  const operation = { ...operationOf(note, 'job'), operationId };
  const most = Math.min(ids.length, (job.max ?? Number.POSITIVE_INFINITY) - job.changed);
  const rows =
    job.kind === 'revoke'
      ? await endPageBriefly(sql, filter, 'revoked', operation, most)
      : await suspendPage(sql, filter, operation, most, freesSlot);
  const changed = rows.length;
  // What the bound cut off was not looked at.
  const skipped = changed === most ? 0 : ids.length - changed;
  const noted = await notePage(sql, id, { lastId, changed, skipped });
  return noted && { job: noted, versions: versionsOf(rows) };
}

function versionsOf(rows: readonly { readonly id: string; readonly version: number }[]) {
  return rows.map(({ id, version }) => ({ id, version }));
}
