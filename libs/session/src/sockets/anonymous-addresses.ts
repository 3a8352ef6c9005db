import { isIPv6 } from 'node:net';
import { ipv6NetworkOf } from '../nest/drift/places.js';
import type { Connection } from './connection.js';
import type { LocalConnections } from './local-connections.js';

/** What a household or a phone has: whoever has one address of it has them all. */
const IPV6_GROUPS = 4;

/** How many of this node's connections that nobody has authenticated come from where. */
export class AnonymousAddresses {
  readonly #byAddress = new Map<string, Set<Connection>>();

  constructor(connections: LocalConnections) {
    connections.observe((connection) => {
      const isAnonymous = connection.credential === null && connections.get(connection.id) === connection;
      if (isAnonymous) this.#add(connection);
      else this.#remove(connection);
    });
  }

  /** Addresses that have any. */
  get size(): number {
    return this.#byAddress.size;
  }

  /** None for an address that is not known: strangers would be counted together. */
  count(address: string | null): number {
    return address === null ? 0 : (this.#byAddress.get(keyOf(address))?.size ?? 0);
  }

  #add(connection: Connection): void {
    if (connection.address === null) return;
    const key = keyOf(connection.address);
    const present = this.#byAddress.get(key);
    if (present === undefined) this.#byAddress.set(key, new Set([connection]));
    else present.add(connection);
  }

  #remove(connection: Connection): void {
    if (connection.address === null) return;
    const key = keyOf(connection.address);
    const present = this.#byAddress.get(key);
    if (present?.delete(connection) === true && present.size === 0) this.#byAddress.delete(key);
  }
}

function keyOf(address: string): string {
  return isIPv6(address) ? ipv6NetworkOf(address, IPV6_GROUPS) : address;
}
