import type { ConnectionStore } from '../store/connection-store.js';
import type { Type } from '@nestjs/common';
import type { SocketHooks } from './socket-hooks.js';

/** What `sessionSockets` takes. Everything has a default; times are whole milliseconds. */
export interface SessionSocketsOptions {
  /**
   * Origins whose pages may connect, beside the application's own: exactly as browsers write them. Default: as for `csrf`.
   */
  readonly allowedOrigins?: readonly string[];
  /** Lets connections in that present no session, until they are authenticated. Default false. */
  readonly anonymous?: boolean;
  /** What a sign-out does to the session's connections: `detach` leaves them anonymous. Default `disconnect`. */
  readonly onSignOut?: 'disconnect' | 'detach';
  /** Messages of clients count as access to the session, like requests. Default false. */
  readonly inboundIsActivity?: boolean;
  /**
   * What becomes of connections whose session can neither be vouched for by the change log nor be asked for in the
   * database for `maxStalenessMs`. With `keep` they go on to receive, and what they send is refused. Default
   * `disconnect`.
   */
  readonly whenUnverifiable?: 'disconnect' | 'keep';
  /** The longest message of a client, in bytes. Default 65 536. */
  readonly maxPayloadBytes?: number;
  /** A client that has not joined a namespace after this long is disconnected. Default 10 000. */
  readonly handshakeTimeoutMs?: number;
  /** How often a client is asked for a sign of life. Default 30 000. */
  readonly heartbeatIntervalMs?: number;
  /** A client, or a node, that has given none for this long is gone. Default 90 000. */
  readonly heartbeatTimeoutMs?: number;
  /**
   * Where nodes write down who is connected to them: `postgres`, `redis` (that of the module's option `redis`), `memory`
   * (of this process alone), or a store of the application's own. Default `postgres`; `memory` where the sessions are in a
   * store of the application's own.
   */
  readonly registry?: 'postgres' | 'redis' | 'memory' | ConnectionStore;
  /**
   * What carries messages between nodes: `postgres` needs the package `@socket.io/postgres-adapter`, `redis` the package
   * `@socket.io/redis-adapter`; `none` is for one node. Connections end with their session whichever it is. Default
   * `redis` where the module has `redis`, else `postgres`, else, with a store of the application's own, `none`.
   */
  readonly adapter?: 'postgres' | 'redis' | 'none';
  /** The longest message of `SessionMessenger`, in bytes as it goes between nodes. Default 65 536. */
  readonly maxNodeMessageBytes?: number;
  /** `SessionMessenger` waits for other nodes so long before it says which connections were reached. Default 1 000. */
  readonly nodeAnswerTimeoutMs?: number;
  /** Told of connections and of what they send. Made by Nest: it may inject. Default: none. */
  readonly hooks?: Type<SocketHooks>;
  /** Messages that wait for a client; one that is further behind is disconnected. Default 1 000. */
  readonly maxQueuedMessages?: number;
  /** Connections on one node. */
  readonly limits?: {
    /** Of one session. Default 20. */
    readonly perSession?: number;
    /** Of one user. Default 100. */
    readonly perUser?: number;
    /** Of everybody. Default 100 000. */
    readonly perNode?: number;
    /**
     * Of one address, or one /64 of IPv6, while nobody has authenticated them; 0 is no limit. Behind a proxy set
     * `trustProxyHops`, or everybody has one address. Default 100.
     */
    readonly anonymousPerAddress?: number;
  };
}
