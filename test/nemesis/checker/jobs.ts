import type { LedgerEvent, LedgerJob, LedgerSession, Violation } from '../evidence.js';
import { type Operation, succeeded } from '../history.js';
import { groupBy } from './group-by.js';
import { isTerminal, type Lookup } from './lookup.js';

/** Work on many sessions, whoever died at it: `done` means all that there were and no others, once, and counted. */
export function checkJobs(lookup: Lookup): Violation[] {
  const { ledger, operations } = lookup.evidence;
  const asked = groupBy(
    operations.filter(({ target }) => target.reason !== undefined),
    ({ target }) => target.reason ?? '',
  );
  const ended = groupBy(ledger.events.filter(isTerminal), ({ reason }) => reason);
  const stored = new Set(ledger.jobs.map(({ id }) => id));
  return [
    ...operations
      .filter((operation) => isLost(operation, stored))
      .map((operation): Violation => {
        return { invariant: 'bulk', what: 'A job was answered and is not in the database.', operations: [operation] };
      }),
    ...ledger.jobs.flatMap((job) => checkJob(lookup, job, asked.get(job.reason) ?? [], ended.get(job.reason) ?? [])),
  ];
}

function isLost(operation: Operation, stored: ReadonlySet<string>): boolean {
  const { kind, outcome } = operation;
  return (
    kind === 'admin-job' && outcome.kind === 'answered' && outcome.job !== undefined && !stored.has(outcome.job.id)
  );
}

function checkJob(
  lookup: Lookup,
  job: LedgerJob,
  asked: readonly Operation[],
  ended: readonly LedgerEvent[],
): Violation[] {
  const { ledger, settings } = lookup.evidence;
  const told = (what: string, ...shown: Operation[]): Violation[] => [
    { invariant: 'bulk', what: `Job ${job.id} (${job.reason}) ${what}`, operations: [...asked.slice(0, 1), ...shown] },
  ];
  if (job.status !== 'done' && job.status !== 'cancelled') return told(`is ${job.status} at the end.`);
  const finishedAt = job.finishedAt ?? Infinity;
  const left =
    job.status === 'done'
      ? ledger.sessions.filter(
          (session) => isMeant(lookup, job, session) && lookup.overAt(session.id) > finishedAt + settings.slackMs,
        )
      : [];
  const strays = ended.filter((event) => !isInFilter(job, lookup.sessions.get(event.session ?? '')));
  const stopped = asked.find((operation) => operation.kind === 'admin-job-cancel' && succeeded(operation));
  const late =
    stopped === undefined ? [] : ended.filter(({ committedAt }) => committedAt > stopped.ended + settings.slackMs);
  return [
    left.length === 0 ? [] : told(`is done, and session ${left[0]?.id} goes on, one of ${left.length}.`),
    strays.length === 0 ? [] : told(`has ended session ${strays[0]?.session}, which it was not about.`),
    late.length === 0 || stopped === undefined
      ? []
      : told(`has ended ${late.length} sessions when it was cancelled.`, stopped),
    ended.length === job.changed ? [] : told(`counts ${job.changed}, and has ended ${ended.length}.`),
  ].flat();
}

/** What could be seen when it was asked for: a sign-in may be under way, and is answered later. */
function isMeant({ beginnings }: Lookup, job: LedgerJob, session: LedgerSession): boolean {
  return isInFilter(job, session) && (beginnings.get(session.id)?.[0]?.committedAt ?? Infinity) < job.createdAt;
}

function isInFilter({ filter, createdAt }: LedgerJob, session: LedgerSession | undefined): boolean {
  if (session === undefined || session.createdAt > createdAt) return false;
  return filter.userId === undefined ? session.client === filter.clientId : session.user === filter.userId;
}
