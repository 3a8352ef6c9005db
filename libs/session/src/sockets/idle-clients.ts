import type { Socket } from 'socket.io';
import { namespacesOf } from './engine-connections.js';

/** Closes clients that are in no namespace any more, which count towards no limit. */
export class IdleClients {
  /** By connection, one of each, however often it joins and leaves: ends the wait. */
  readonly #waits = new WeakMap<Socket['conn'], () => void>();

  /** @param patienceMs a client has so long to join a namespace again, from when it last left one */
  constructor(
    private readonly patienceMs: number,
    private readonly schedule: (task: () => void, delayMs: number) => () => void,
  ) {}

  /** To be told of a socket that has left its namespace. */
  left({ client, conn }: Socket): void {
    if (conn.readyState !== 'open' || namespacesOf(client) > 0) return;
    const before = this.#waits.get(conn);
    if (before !== undefined) before();
    else conn.once('close', () => this.#waits.get(conn)?.());
    const cancel = this.schedule(() => {
      if (namespacesOf(client) === 0) conn.close();
    }, this.patienceMs);
    this.#waits.set(conn, cancel);
  }
}
