import type { Violation } from '../evidence.js';
import { sumOf } from '../socket-history.js';
import { isLiveStatus, type Lookup } from './lookup.js';

/** Around a limit in time a session is over for one who looks and not yet for another. */
const CLOSE_MS = 3_000;

/** I6: behind the quiet period who is connected has a live session, and the nodes have as many connections as clients. */
export function checkSocketConvergence(lookup: Lookup): Violation[] {
  const { sockets, census, settings } = lookup.evidence;
  const open = new Set(census.open);
  const violations = sockets.flatMap((socket): Violation[] => {
    const { id, node, token } = socket;
    if (!open.has(id)) return [];
    const session = lookup.sessions.get(token.session);
    // Nothing but time has ended sessions since the quiet period began.
    const limit = session && Math.min(session.expiresAt, session.lastAccessedAt + settings.idleTimeoutMs);
    const isLive =
      session !== undefined && isLiveStatus(session.status)
        ? lookup.cutOffAt(token.session) === Infinity && limit! > census.at - CLOSE_MS
        : lookup.endedAt(token.session) > census.at - CLOSE_MS && session?.status === 'expired';
    if (isLive) return [];
    const what = `At the end socket ${id} of node ${node} was open, and session ${token.session} was ${session?.status ?? 'gone'}.`;
    return [{ invariant: 'I6', what, operations: [], sockets: [socket] }];
  });
  if (census.nodes !== null && sumOf(census.nodes) === open.size) return violations;
  const told = census.nodes?.map(({ name, connections }) => `${name} ${connections}`).join(', ') ?? 'nothing';
  const what = `At the end clients had ${open.size} open sockets, and the nodes told of ${told}.`;
  return [...violations, { invariant: 'I6', what, operations: [] }];
}
