import { groupBy } from './checker/group-by.js';
import { Lookup } from './checker/lookup.js';
import { closingMs, socketBoundMs } from './checker/socket-revocation.js';
import type { Evidence } from './evidence.js';
import { sumOf } from './socket-history.js';

/** What the sockets of a run were like, for people. */
export function socketLines(evidence: Evidence): string[] {
  const { sockets, operations, census } = evidence;
  const lookup = new Lookup(evidence);
  const tried = operations.filter(({ kind }) => kind === 'connect');
  const refused = tried.filter(({ outcome }) => outcome.kind === 'answered' && outcome.status !== 200);
  const kicks = sockets.flatMap(({ kick }) => (kick === null ? [] : [kick]));
  const codes = [...groupBy(kicks, ({ code }) => code)].map(([code, all]) => `${code} ${all.length}`);
  const closings = sockets
    .filter(({ token, closed }) => closed !== null && closed.at > (lookup.ends.get(token.session)?.at ?? Infinity))
    .map((socket) => closingMs(lookup, socket))
    .toSorted((one, other) => one - other);
  const at = (part: number): string =>
    (closings[Math.min(closings.length - 1, Math.floor(closings.length * part))] ?? NaN).toFixed(0);
  return [
    `Sockets: ${tried.length} tried, ${sockets.length} let in, ${refused.length} refused; ` +
      `${sockets.reduce((sum, { received }) => sum + received, 0)} events and answers received`,
    `  told that their session is over: ${kicks.length} (${codes.toSorted().join(', ') || 'none'})`,
    `  closed by a node otherwise: ${sockets.filter(({ kick, closed }) => kick === null && closed?.byClient === false).length}`,
    `  closed after the end was acknowledged (ms, but for what the node or the clients stood still)`,
    `    p50 ${at(0.5)}  p95 ${at(0.95)}  p99 ${at(0.99)}  max ${at(1)}  (${closings.length} sockets; bound ${socketBoundMs(lookup)})`,
    `  at the end: ${census.open.length} open, ${census.nodes === null ? 'nothing' : sumOf(census.nodes)} told of by the nodes`,
  ];
}
