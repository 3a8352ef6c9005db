import type { Violation } from '../evidence.js';
import { groupBy } from './group-by.js';
import { isLiveStatus, type Lookup } from './lookup.js';

/** I7: one event for the beginning of each session, one for its end, and none for an end that did not happen. */
export function checkEvents(lookup: Lookup): Violation[] {
  const { ledger } = lookup.evidence;
  const created = groupBy(
    ledger.events.filter((event) => event.type === 'created'),
    (event) => event.session,
  );
  return ledger.sessions.flatMap((session): Violation[] => {
    const ends = lookup.terminals.get(session.id) ?? [];
    const beginnings = created.get(session.id)?.length ?? 0;
    const expected = isLiveStatus(session.status) ? 0 : 1;
    if (beginnings === 1 && ends.length === expected) return [];
    const types = ends.map((event) => event.type).join(', ');
    return [
      {
        invariant: 'I7',
        what: `Session ${session.id} is ${session.status}, has begun ${beginnings} times and ended ${ends.length} times (${types}).`,
        operations: [lookup.issued.get(session.id) ?? [], lookup.ends.get(session.id)?.by ?? []].flat(),
      },
    ];
  });
}
