import type { SessionRecord } from '../../core/session.js';
import { addressesOf, MOST_ADDRESSES, type SessionAddress } from '../session-addresses.js';
import type { Touch } from '../session-store.js';

/** The addresses of sessions that have changed theirs. */
export class StoredAddresses {
  readonly #bySession = new Map<string, Map<string, SessionAddress>>();

  /** Notes a touch of a live session, before it is carried out. */
  note(session: SessionRecord, { at, ip }: Touch): void {
    if (ip === null || ip === session.lastIp) return;
    const addresses = this.#bySession.get(session.id) ?? new Map<string, SessionAddress>();
    this.#bySession.set(session.id, addresses);
    if (session.lastIp !== null) see(addresses, session.lastIp, session.createdAt, session.lastAccessedAt);
    see(addresses, ip, at, at);
    const latest = [...addresses.values()].sort((a, b) => b.lastSeenAt - a.lastSeenAt);
    for (const { ip: left } of latest.slice(MOST_ADDRESSES)) addresses.delete(left);
  }

  of(session: SessionRecord): SessionAddress[] {
    return addressesOf(session, [...(this.#bySession.get(session.id)?.values() ?? [])]);
  }

  /** Forgets those of a session; with `leftBefore` only those that were left before then. */
  forget(id: string, leftBefore = Number.POSITIVE_INFINITY): boolean {
    const addresses = this.#bySession.get(id);
    const gone = [...(addresses?.values() ?? [])].filter(({ lastSeenAt }) => lastSeenAt < leftBefore);
    for (const { ip } of gone) addresses?.delete(ip);
    if (addresses?.size === 0) this.#bySession.delete(id);
    return gone.length > 0;
  }
}

function see(addresses: Map<string, SessionAddress>, ip: string, firstSeenAt: number, lastSeenAt: number): void {
  const known = addresses.get(ip) ?? { ip, firstSeenAt, lastSeenAt };
  addresses.set(ip, { ...known, lastSeenAt: Math.max(known.lastSeenAt, lastSeenAt) });
}
