import type { SharedEntry, Violation } from '../evidence.js';
import { isLiveStatus, type Lookup } from './lookup.js';

/**
 * I6: behind the quiet period every node answers as the database has it, and what is in Redis is no newer and of no other
 * session.
 */
export function checkConvergence(lookup: Lookup): Violation[] {
  const { operations, settings, sharedLevel } = lookup.evidence;
  const violations = sharedLevel.flatMap((entry) => sharedViolations(lookup, entry));
  for (const operation of operations) {
    const { outcome, token, node, kind } = operation;
    if (!operation.final || kind !== 'me' || token === null) continue;
    const session = lookup.sessions.get(token.session);
    if (session === undefined) continue;
    // Within the slack around a limit in time either answer is right.
    const left = Math.min(session.expiresAt, session.lastAccessedAt + settings.idleTimeoutMs) - operation.begun;
    const isRight = session.generation === token.generation && isLiveStatus(session.status);
    const lives = isRight && left > 0 && lookup.cutOffAt(session.id) === Infinity;
    const expected = lives ? (session.status === 'suspended' ? 423 : 200) : 401;
    const isClose = isRight && Math.abs(left) < CLOSE_MS;
    const status = outcome.kind === 'answered' ? outcome.status : 0;
    if (status === expected || (isClose && [200, 401, 423].includes(status))) continue;
    violations.push({
      invariant: 'I6',
      what: `At the end session ${session.id} is ${session.status} in the database, and node ${node} answered ${status}.`,
      operations: [operation],
    });
  }
  return violations;
}

const CLOSE_MS = 3_000;

/** An older version is a hint that nobody believes any more; the same version must tell the same. */
function sharedViolations({ sessions }: Lookup, { session, record }: SharedEntry): Violation[] {
  const row = sessions.get(session);
  const told = (what: string): Violation[] => [
    { invariant: 'I6', what: `Redis, under ${session}: ${what}.`, operations: [] },
  ];
  if (record === null) return told('what nobody can read');
  if (row === undefined) return told('a session that is not in the database');
  if (record.id !== session || record.user !== row.user) return told(`the session ${record.id} of ${record.user}`);
  if (record.version > row.version) return told(`version ${record.version}, and the database has ${row.version}`);
  const isSame = record.status === row.status && record.generation === row.generation;
  if (record.version < row.version || isSame) return [];
  return told(`${record.status}, generation ${record.generation}, otherwise than the same version in the database`);
}
