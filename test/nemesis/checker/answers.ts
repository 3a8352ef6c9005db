import type { Violation } from '../evidence.js';
import type { Operation, OperationKind } from '../history.js';
import type { Lookup } from './lookup.js';

/** What may be answered besides success; everything may be 503, and what needs a session 401. */
const REFUSALS: Readonly<Record<OperationKind, readonly number[]>> = {
  'sign-up': [],
  'sign-in': [409],
  'sign-out': [],
  me: [],
  list: [],
  'end-own': [404],
  'end-own-others': [],
  // The session has ended while the password was being hashed.
  password: [404, 409],
  'admin-end': [404],
  'admin-end-user': [],
  'admin-bulk': [404, 405],
  'admin-cut-off': [404, 405],
  'admin-suspend': [404, 409],
  'admin-resume': [404, 409],
  'admin-undo': [404, 409],
  restore: [409],
  'admin-job': [],
  'admin-job-read': [],
  // It is over.
  'admin-job-cancel': [409],
  data: [],
  'data-merge': [404],
  'data-set': [404, 409],
  'user-data': [],
  'admin-account': [],
  'admin-message': [],
  'admin-stats': [],
  connect: [],
};

/** I5: every request is answered, in bounded time and with what fits; processes end only when they are told to. */
export function checkAnswers(lookup: Lookup): Violation[] {
  const { operations, settings, ends, faults } = lookup.evidence;
  const violations: Violation[] = [];
  const add = (what: string, ...shown: Operation[]): void => {
    violations.push({ invariant: 'I5', what, operations: shown });
  };
  for (const operation of operations) {
    const { outcome, kind, node } = operation;
    const absentMs = lookup.absentDuring(operation);
    const tookMs = operation.ended - operation.begun;
    if (tookMs > settings.answerWithinMs + absentMs) {
      add(`An answer of node ${node} took ${Math.round(tookMs)} ms (bound ${settings.answerWithinMs} ms).`, operation);
    }
    if (outcome.kind === 'lost') {
      if (absentMs === 0) add(`Node ${node} was there and gave no answer: ${outcome.why}.`, operation);
    } else if (!isFitting(operation)) {
      add(`${kind} was answered ${outcome.status} ${outcome.code ?? ''}.`, operation);
    }
  }
  for (const end of ends) {
    if (end.asked === null) add(`Node ${end.node} ended by itself with code ${String(end.code)}:\n${end.output}`);
    else if (end.asked === 'terminate' && (end.code !== 0 || end.tookMs > STOP_WITHIN_MS)) {
      add(`Node ${end.node} took ${Math.round(end.tookMs)} ms to stop, code ${String(end.code)}:\n${end.output}`);
    }
  }
  for (const fault of faults) {
    if (fault.recovered === null) add(`Behind "${fault.name}" not all nodes became healthy.`);
  }
  return violations;
}

/** What a server promises of SIGTERM. */
const STOP_WITHIN_MS = 10_000;

function isFitting({ kind, outcome, token, passwordIsSure }: Operation): boolean {
  if (outcome.kind === 'lost') return true;
  const { status, code } = outcome;
  if ((status >= 200 && status < 300) || status === 503) return true;
  // A full queue of passwords to be hashed.
  if (status === 429) return kind === 'sign-in' || kind === 'password';
  if (code === 'BAD_CREDENTIALS') return passwordIsSure !== true;
  // Whether it is meant, the refusals' own check tells.
  if (status === 401 || status === 423) return token !== null;
  return REFUSALS[kind].includes(status);
}
