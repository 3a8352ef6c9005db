import type { FaultRecord, Violation } from '../evidence.js';
import { isLiveStatus, type Lookup } from './lookup.js';

/** The node's time is the database's, as well as an answer can tell it. */
const CLOCK_MS = 1_500;

/**
 * P4: SIGTERM loses no access where the database can be reached, and kill -9 none that is older than the sync interval.
 */
export function checkTouches(lookup: Lookup): Violation[] {
  const { evidence } = lookup;
  const violations: Violation[] = [];
  // Its row says nothing of that, and what happened to it between does not matter any more.
  const isCutOff = (session: string): boolean => lookup.cutOffAt(session) !== Infinity;
  for (const end of evidence.ends) {
    if (end.asked !== 'terminate' || end.storedAccesses === undefined) continue;
    const { storedAccesses } = end;
    if (evidence.faults.some((fault) => keepsFromWriting(fault, end.node, end.at - end.tookMs - CLOCK_MS, end.at)))
      continue;
    for (const [session, stored] of storedAccesses) {
      const last = lookup.admitted
        .get(session)
        ?.findLast((operation) => operation.node === end.node && operation.ended < end.at);
      if (last === undefined || last.begun <= stored + CLOCK_MS || isCutOff(session)) continue;
      const what = `Node ${end.node} stopped and left an access of session ${session} unwritten (${Math.round(last.begun - stored)} ms).`;
      violations.push({ invariant: 'P4', what, operations: [last] });
    }
  }
  for (const session of evidence.ledger.sessions) {
    if (!isLiveStatus(session.status) || isCutOff(session.id)) continue;
    const last = lookup.admitted
      .get(session.id)
      ?.findLast((operation) => !operation.final && !isLostWithProcess(lookup, operation.node, operation.ended));
    if (last === undefined || last.begun <= session.lastAccessedAt + CLOCK_MS) continue;
    const what = `The last access of session ${session.id} is ${Math.round(last.begun - session.lastAccessedAt)} ms newer than the database has it.`;
    violations.push({ invariant: 'P4', what, operations: [last] });
  }
  return violations;
}

/** Whether the node was killed before it had to have written what it noted then. */
function isLostWithProcess({ evidence }: Lookup, node: string, notedAt: number): boolean {
  const dueAt = notedAt + evidence.settings.syncIntervalMs;
  return evidence.ends.some((end) => {
    if (end.node !== node || end.at < notedAt) return false;
    if (end.at <= dueAt + CLOCK_MS) return true;
    // While the database is away nothing can be written.
    return evidence.faults.some((fault) => keepsFromWriting(fault, node, notedAt, end.at));
  });
}

function keepsFromWriting(fault: FaultRecord, node: string, from: number, until: number): boolean {
  if (fault.concerns === 'redis' || (fault.concerns === 'node' && fault.node !== node)) return false;
  if (fault.concerns === 'network' && fault.node !== node) return false;
  if (fault.concerns === 'node') return false;
  const over = fault.recovered ?? fault.healed;
  return fault.begun < until && over > from;
}
