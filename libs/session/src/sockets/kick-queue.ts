import { Logger } from '@nestjs/common';
import type { Socket } from 'socket.io';
import { namespacesOf } from './engine-connections.js';

/** What a client is told before its connection is closed. */
export interface SessionRevoked {
  /** As clients name it; empty where a codec of ids has failed. */
  readonly sessionId: string;
  /** The code that its requests are refused with from now on. */
  readonly code: string;
  /** What was written down with the end. */
  readonly reason: string;
  /** ISO 8601. */
  readonly at: string;
}

/** The event that a client gets when its session serves no longer. */
export const SESSION_REVOKED = 'session:revoked';

/** Connections closed before others get their turn: a millisecond or two, and as much for what becomes of each. */
const SLICE = 25;
/** A client that does not read cannot hold its connection open for longer. */
const CLOSED_WITHIN_MS = 2_000;

/** Closes connections, each with its reason first; many at once in slices, so that requests are answered in between. */
export class KickQueue {
  readonly #logger = new Logger('IdentitySession');
  #waiting: (() => void)[] = [];
  #next = 0;
  /** How many may be closed before others have had their turn. */
  #left = SLICE;
  #isTurnAwaited = false;

  constructor(private readonly schedule: (task: () => void, delayMs: number) => () => void) {}

  get size(): number {
    return this.#waiting.length - this.#next;
  }

  /** The first of many at once; the others as soon as those before them are. */
  kick(socket: Socket, told: SessionRevoked): void {
    this.#waiting.push(() => {
      this.#closing(socket, () => {
        socket.emit(SESSION_REVOKED, told);
        this.#disconnect(socket);
      });
    });
    this.#run();
  }

  /** Closes the connection itself, so that the client comes back by its own rules. */
  drop(socket: Socket): void {
    this.#closing(socket, () => {
      socket.conn.close();
      this.#closeLater(socket);
    });
  }

  /** Listeners of the application are called while a socket closes: one that throws keeps none open. */
  #closing(socket: Socket, close: () => void): void {
    try {
      close();
    } catch (error) {
      this.#logger.error(`A listener failed for a socket that was closed: ${String(error)}`);
      try {
        socket.conn.close(true);
      } catch {
        // It has failed again; the transport is closed before it is told.
      }
    }
  }

  #run(): void {
    while (this.#left > 0) {
      const next = this.#waiting[this.#next];
      if (next === undefined) {
        this.#waiting = [];
        this.#next = 0;
        break;
      }
      this.#next += 1;
      this.#left -= 1;
      next();
    }
    if (this.#isTurnAwaited || this.#left === SLICE) return;
    this.#isTurnAwaited = true;
    setImmediate(() => {
      this.#isTurnAwaited = false;
      this.#left = SLICE;
      this.#run();
    });
  }

  #disconnect(socket: Socket): void {
    socket.disconnect();
    // Other namespaces of the same connection may be another session's.
    if (namespacesOf(socket.client) === 0) this.drop(socket);
  }

  #closeLater({ conn }: Socket): void {
    if (conn.readyState === 'closed') return;
    const cancel = this.schedule(() => {
      conn.close(true);
    }, CLOSED_WITHIN_MS);
    conn.once('close', cancel);
  }
}
