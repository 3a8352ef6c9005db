import type { Violation } from '../evidence.js';
import { isLiveStatus, type Lookup } from './lookup.js';

/**
 * I6: behind the quiet period every node answers as the database has it, and what is in Redis is no newer and of no other
 * session.
 */
export function checkConvergence(lookup: Lookup): Violation[] {
  const { operations, settings, sharedLevel } = lookup.evidence;
  const violations: Violation[] = sharedLevel.map((what) => ({ invariant: 'I6', what, operations: [] }));
  for (const operation of operations) {
    const { outcome, token, node, kind } = operation;
    if (!operation.final || kind !== 'me' || token === null) continue;
    const session = lookup.sessions.get(token.session);
    if (session === undefined) continue;
    // Within the slack around a limit in time either answer is right.
    const left = Math.min(session.expiresAt, session.lastAccessedAt + settings.idleTimeoutMs) - operation.begun;
    const isRight = session.generation === token.generation && isLiveStatus(session.status);
    const expected = isRight && left > 0 && lookup.cutOffAt(session.id) === Infinity ? 200 : 401;
    const isClose = isRight && Math.abs(left) < CLOSE_MS;
    const status = outcome.kind === 'answered' ? outcome.status : 0;
    if (status === expected || (isClose && status === 401) || (isClose && status === 200)) continue;
    violations.push({
      invariant: 'I6',
      what: `At the end session ${session.id} is ${session.status} in the database, and node ${node} answered ${status}.`,
      operations: [operation],
    });
  }
  return violations;
}

const CLOSE_MS = 3_000;
