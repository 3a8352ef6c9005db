import { CLIENTS, LOOK_EVERY_MS } from '../client-stalls.js';
import type { Violation } from '../evidence.js';
import type { SocketRecord } from '../socket-history.js';
import { absenceOf, type AcknowledgedEnd, type Lookup } from './lookup.js';
import { hasEnded } from './refusals.js';

/**
 * I1: longer than R after the end of its session was acknowledged a connection gets nothing from the application any
 * more, and it is closed. A node that stands still closes nothing; from when it goes on that counts. Limits in time end
 * sessions, too. That nobody connects to a session that is over is part of the revocation of requests.
 */
export function checkSocketRevocation(lookup: Lookup): Violation[] {
  const { sockets } = lookup.evidence;
  const boundMs = socketBoundMs(lookup);
  return sockets.flatMap((socket): Violation[] => {
    const overAt = overFor(lookup, socket);
    const by = endFor(lookup, socket)?.by ?? [];
    const told = (what: string): Violation[] => [
      {
        invariant: 'I1',
        what: `Socket ${socket.id} of node ${socket.node} ${what}`,
        operations: [by].flat(),
        sockets: [socket],
      },
    ];
    const behind = (at: number): number => (at <= overAt ? 0 : at - overAt - readLateMs(lookup, at));
    const heardMs = socket.lastReceived === null ? -Infinity : behind(socket.lastReceived.at);
    const answeredMs = socket.lastAnsweredAsk === null ? -Infinity : socket.lastAnsweredAsk - overAt;
    const openMs = closingMs(lookup, socket, overAt);
    return [
      heardMs > boundMs
        ? told(`got "${socket.lastReceived?.name}" ${ms(heardMs)} after the end of its session (bound ${ms(boundMs)}).`)
        : [],
      answeredMs > boundMs
        ? told(`was answered what it asked ${ms(answeredMs)} after the end of its session (bound ${ms(boundMs)}).`)
        : [],
      openMs > boundMs ? told(`was open ${ms(openMs)} after the end of its session (bound ${ms(boundMs)}).`) : [],
    ].flat();
  });
}

/** I3, I5: a message comes to whom it is for, and nobody is told that a session is over that lives. */
export function checkSocketMessages(lookup: Lookup): Violation[] {
  const { slackMs } = lookup.evidence.settings;
  return lookup.evidence.sockets.flatMap((socket): Violation[] => {
    const { kick, strayed, token, user, id } = socket;
    const strays: Violation[] =
      strayed === null
        ? []
        : [
            {
              invariant: 'I3',
              what: `Socket ${id} of ${user} got a message "${strayed}".`,
              operations: [],
              sockets: [socket],
            },
          ];
    if (kick === null) return strays;
    if (kick.session !== token.session) {
      const what = `Socket ${id} of session ${token.session} was told of the end of session ${kick.session}.`;
      return [...strays, { invariant: 'I3', what, operations: [], sockets: [socket] }];
    }
    const isSuspended = lookup
      .suspensionsOf(token.session)
      .some(({ from, until }) => from <= kick.at + slackMs && kick.at <= until + socketBoundMs(lookup));
    if (kick.code === 'SESSION_SUSPENDED' && isSuspended) return strays;
    if (hasEnded(lookup, token.session, kick.code, kick.at, kick.at)) return strays;
    const what = `Session ${token.session} lives, and its socket ${id} was told ${kick.code} (${kick.reason}).`;
    return [...strays, { invariant: 'I5', what, operations: [], sockets: [socket] }];
  });
}

/** How long a connection outlived its session while its node and its client were there; at most 0 where it did not. */
export function closingMs(lookup: Lookup, socket: SocketRecord, overAt = overFor(lookup, socket)): number {
  const { absences, census } = lookup.evidence;
  const closed = socket.closed?.at ?? census.at;
  if (closed <= overAt) return 0;
  return closed - overAt - absenceOf(absences, socket.node, overAt, closed) - readLateMs(lookup, closed);
}

/** When the session of a connection is over, as far as a client can know. */
function overFor(lookup: Lookup, socket: SocketRecord): number {
  const expiresAt = lookup.sessions.get(socket.token.session)?.expiresAt ?? Infinity;
  return Math.min(endFor(lookup, socket)?.at ?? Infinity, expiresAt);
}

/** What is suspended takes its connections with it, as what ends does. */
function endFor(lookup: Lookup, { token: { session }, joined }: SocketRecord): AcknowledgedEnd | undefined {
  const known = [lookup.ends.get(session), lookup.suspendedFor(session, joined)].filter((end) => end !== undefined);
  return known.toSorted((one, other) => one.at - other.at)[0];
}

export function socketBoundMs({ evidence: { settings } }: Lookup): number {
  return settings.maxStalenessMs + settings.slackMs;
}

/** For how long what the clients read at a moment may have been there before they came to it. */
function readLateMs({ evidence }: Lookup, at: number): number {
  const stalls = evidence.absences.filter(
    ({ node, from, until }) => node === CLIENTS && from <= at && at <= until + LOOK_EVERY_MS,
  );
  return Math.max(0, ...stalls.map(({ from }) => at - from));
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}
