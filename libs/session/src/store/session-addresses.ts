import type { SessionScope } from './session-store.js';

/** Addresses of one session that are kept; of more, those that were left longest ago go. */
export const MOST_ADDRESSES = 20;

/** An address that a session was used from. Times are milliseconds on the store's clock. */
export interface SessionAddress {
  readonly ip: string;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
}

/** Where a session began and from where it was used. */
export interface SessionOrigins {
  /** The node that admitted it; `null` where the store was not told. */
  readonly nodeName: string | null;
  /** The latest first, at most `MOST_ADDRESSES`. */
  readonly addresses: readonly SessionAddress[];
}

/**
 * What a store that remembers addresses can tell; not every store does. They are written with the touches, and only where
 * one has changed: what a node has buffered is not in them yet.
 */
export interface AddressHistoryStore {
  /** `undefined` where there is no such session in scope, live or ended. */
  origins(scope: SessionScope, id: string): Promise<SessionOrigins | undefined>;
}

/** True for a store that remembers addresses. */
export function keepsAddresses<TStore extends object>(store: TStore): store is TStore & AddressHistoryStore {
  return 'origins' in store;
}

/** What the session's own row says of its addresses. */
export interface AddressedSession {
  readonly initialIp: string | null;
  readonly lastIp: string | null;
  readonly createdAt: number;
  readonly lastAccessedAt: number;
}

/** All addresses of a session: those that were written down, and what its row alone knows of the first and the last. */
export function addressesOf(session: AddressedSession, written: readonly SessionAddress[]): SessionAddress[] {
  const { initialIp, lastIp, createdAt, lastAccessedAt } = session;
  const byIp = new Map(written.map((address) => [address.ip, address]));
  const see = (ip: string | null, firstSeenAt: number, lastSeenAt: number): void => {
    if (ip === null) return;
    const known = byIp.get(ip) ?? { ip, firstSeenAt, lastSeenAt };
    byIp.set(ip, { ...known, lastSeenAt: Math.max(known.lastSeenAt, lastSeenAt) });
  };
  see(initialIp, createdAt, createdAt);
  see(lastIp, createdAt, lastAccessedAt);
  return [...byIp.values()].sort((a, b) => b.lastSeenAt - a.lastSeenAt).slice(0, MOST_ADDRESSES);
}
