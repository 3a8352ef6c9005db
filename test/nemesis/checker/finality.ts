import type { Violation } from '../evidence.js';
import type { Operation } from '../history.js';
import type { Lookup } from './lookup.js';

/** What a node answers only where it knows that the session has ended. */
const ENDS = ['SESSION_REVOKED', 'SESSION_EVICTED', 'SESSION_SIGNED_OUT'];

/** I4: dead stays dead. No row of an ended session changes, and no node that has refused it for that admits it again. */
export function checkFinality(lookup: Lookup): Violation[] {
  const violations = lookup.evidence.observations.changedEnds.flatMap((change): Violation[] => {
    const { session, before, after, isVersionAlone } = change;
    // It may be restored then; what it was it stays.
    if (isVersionAlone && lookup.undos.has(session)) return [];
    const what = `The row of the ended session ${session} changed from "${before}" to "${after}".`;
    return [{ invariant: 'I4', what, operations: [] }];
  });
  const refused = new Map<string, Operation>();
  for (const operation of lookup.evidence.operations.toSorted((one, other) => one.ended - other.ended)) {
    const { outcome, token, node } = operation;
    if (outcome.kind !== 'answered' || token === null || !ENDS.includes(outcome.code ?? '')) continue;
    const key = `${node} ${token.session}`;
    if (!refused.has(key)) refused.set(key, operation);
  }
  for (const [session, admitted] of lookup.admitted) {
    for (const operation of admitted) {
      const refusal = refused.get(`${operation.node} ${session}`);
      if (refusal === undefined || operation.begun <= refusal.ended) continue;
      violations.push({
        invariant: 'I4',
        what: `Node ${operation.node} had refused session ${session} as ended and admitted it later.`,
        operations: [refusal, operation],
      });
      break;
    }
  }
  return violations;
}
