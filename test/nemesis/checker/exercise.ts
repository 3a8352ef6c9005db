import type { Evidence } from '../evidence.js';
import { type Operation, type OperationKind, succeeded } from '../history.js';

type Seen = readonly (readonly [what: string, isThere: boolean])[];

/** What a run has to have seen before that nothing was wrong means something; each that is missing. */
export function notExercised(evidence: Evidence): string[] {
  return [...socketsNotExercised(evidence), ...lifecycleNotExercised(evidence)];
}

export function socketsNotExercised({ sockets, census }: Pick<Evidence, 'sockets' | 'census'>): string[] {
  return missing([
    ['no event came to a socket', sockets.some(({ received }) => received > 0)],
    ['no question of a socket was answered', sockets.some(({ lastAnsweredAsk }) => lastAnsweredAsk !== null)],
    ['no socket was told that its session is over', sockets.some(({ kick }) => kick !== null)],
    ['no socket was open at the end', census.open.length > 0],
  ]);
}

export function lifecycleNotExercised({ operations, ledger }: Pick<Evidence, 'operations' | 'ledger'>): string[] {
  const isDone = (kind: OperationKind): boolean =>
    operations.some((operation) => operation.kind === kind && succeeded(operation));
  return missing([
    ['no session was suspended', isDone('admin-suspend')],
    ['no session was resumed', isDone('admin-resume')],
    ['no request was answered 423', operations.some(isLocked)],
    ['no data was merged', isDone('data-merge')],
    ['no data was set', isDone('data-set')],
    ['no data of a user was set', isDone('user-data')],
    ['no revocation was undone', isDone('admin-undo')],
    ['no session was restored', isDone('restore')],
    ['no job came to its end', ledger.jobs.some(({ status, changed }) => status === 'done' && changed > 0)],
  ]);
}

function isLocked({ outcome }: Operation): boolean {
  return outcome.kind === 'answered' && outcome.status === 423;
}

function missing(seen: Seen): string[] {
  return seen.filter(([, isThere]) => !isThere).map(([what]) => what);
}
