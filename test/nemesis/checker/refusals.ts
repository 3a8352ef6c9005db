import type { Violation } from '../evidence.js';
import type { Operation } from '../history.js';
import type { Lookup } from './lookup.js';

/**
 * I5 (P7): nobody is refused without a reason. A 401 to a token that was issued needs, in the log, an end of the session
 * or a successor of the token that was committed before the answer came, or a limit in time that was passed.
 */
export function checkRefusals(lookup: Lookup): Violation[] {
  return lookup.evidence.operations.flatMap((operation): Violation[] => {
    const { outcome, token } = operation;
    if (outcome.kind !== 'answered' || token === null) return [];
    if (outcome.code === 'SESSION_NOT_FOUND') return checkMissing(lookup, operation);
    if (outcome.status !== 401 || outcome.code === 'BAD_CREDENTIALS') return [];
    if (isJustified(lookup, operation)) return [];
    const what = `Session ${token.session} lives, its token is right, and it was answered 401 ${outcome.code ?? ''}.`;
    return [{ invariant: 'I5', what, operations: [operation] }];
  });
}

/** "No such session" is said of none that lives. */
function checkMissing(lookup: Lookup, operation: Operation): Violation[] {
  const session = operation.target.session ?? operation.token?.session ?? '';
  if (!lookup.sessions.has(session)) return [];
  if (lookup.overAt(session) <= operation.ended + lookup.evidence.settings.slackMs) return [];
  const what = `Session ${session} lives and was answered 404.`;
  return [{ invariant: 'I5', what, operations: [operation] }];
}

function isJustified(lookup: Lookup, operation: Operation): boolean {
  const { token, ended, begun, outcome } = operation;
  const { settings } = lookup.evidence;
  if (token === null || outcome.kind !== 'answered') return true;
  if (lookup.replacedAt(token.session, token.generation) <= ended + settings.slackMs) return true;
  return hasEnded(lookup, token.session, outcome.code, begun, ended);
}

/** Whether it is true of a session that it is over for that, at some time in between. */
export function hasEnded(lookup: Lookup, id: string, code: string | null, from: number, until: number): boolean {
  const latest = until + lookup.evidence.settings.slackMs;
  const session = lookup.sessions.get(id);
  // A session that was lost is reported as such.
  if (session === undefined || lookup.overAt(id) <= latest) return true;
  if (code !== 'SESSION_EXPIRED') return false;
  return session.expiresAt <= latest || from - lookup.lastAccessBefore(id, from) >= leastIdleMs(lookup);
}

/** Behind less than this nobody is idle: what is not written yet when a node is killed is not known to the others. */
export function leastIdleMs({ evidence: { settings } }: Lookup): number {
  return settings.idleTimeoutMs - settings.syncIntervalMs - LONGEST_OUTAGE_MS;
}

/** Accesses cannot be written while the database is away, and a node that is killed then loses them. */
const LONGEST_OUTAGE_MS = 25_000;

/** P3: nobody is admitted more than a second behind a limit in time, and no row ends as idle that was in use. */
export function checkLifetime(lookup: Lookup): Violation[] {
  const { settings } = lookup.evidence;
  const violations: Violation[] = [];
  for (const [session, admitted] of lookup.admitted) {
    const expiresAt = lookup.sessions.get(session)?.expiresAt ?? Number.POSITIVE_INFINITY;
    let lastAccess = lookup.issued.get(session)?.ended ?? Number.POSITIVE_INFINITY;
    for (const operation of admitted) {
      const over = Math.max(operation.begun - expiresAt, operation.begun - lastAccess - settings.idleTimeoutMs);
      // The last access before is the later of two that may have come in either order.
      lastAccess = Math.max(lastAccess, operation.ended);
      if (over <= LATE_MS + settings.slackMs) continue;
      const what = `Session ${session} was admitted ${Math.round(over)} ms behind its limit.`;
      violations.push({ invariant: 'P3', what, operations: [operation] });
      break;
    }
  }
  for (const [session, [end]] of lookup.terminals) {
    if (end?.type !== 'expired' || end.reason !== 'idle_timeout') continue;
    const idleMs = end.committedAt - lookup.lastAccessBefore(session, end.committedAt);
    if (idleMs >= leastIdleMs(lookup)) continue;
    const what = `Session ${session} was ended as idle ${Math.round(idleMs)} ms after an access.`;
    violations.push({ invariant: 'P3', what, operations: lookup.admitted.get(session)?.slice(-1) ?? [] });
  }
  return violations;
}

const LATE_MS = 1_000;
