import type { Violation } from '../evidence.js';
import type { Lookup } from './lookup.js';

/** I1, I4: what was acknowledged is in the database, and was before the answer. No crash takes it back. */
export function checkDurability(lookup: Lookup): Violation[] {
  const { slackMs } = lookup.evidence.settings;
  const violations: Violation[] = [];
  for (const [session, operation] of lookup.issued) {
    if (lookup.sessions.has(session)) continue;
    violations.push({
      invariant: 'I4',
      what: `Session ${session} was answered and is not in the database.`,
      operations: [operation],
    });
  }
  for (const [session, end] of lookup.ends) {
    if (!lookup.sessions.has(session)) continue;
    if (lookup.overAt(session) <= end.at + slackMs) continue;
    violations.push({
      invariant: 'I1',
      what: `The end of session ${session} was acknowledged and had not been committed.`,
      operations: [end.by],
    });
  }
  return violations;
}
