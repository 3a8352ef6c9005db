import type { Socket } from 'socket.io';
import type { IdentitySessionError } from '../core/errors.js';
import type { VouchedCredential } from '../nest/credential/vouched-session.js';
import type { BoundConnection } from '../nest/guard/bound-connections.js';
import type { ConnectionMetadata } from '../store/connection-store.js';
import type { SessionRevoked } from './kick-queue.js';
import { socketExceptionOf } from './socket-problem.js';

const NO_METADATA: ConnectionMetadata = Object.freeze({});

/** A socket of one namespace on this node, and whose it is. */
export class Connection implements BoundConnection {
  /** The session that it is bound to; `null` for one that nobody has authenticated. */
  credential: VouchedCredential | null = null;
  metadata: ConnectionMetadata = NO_METADATA;
  /** When a message last came, in milliseconds on the database's clock. */
  lastActiveAt: number;
  /** When its session was last found to be live, likewise. */
  confirmedAt: number;
  /** Why it is closed, once its session is over. */
  told: SessionRevoked | undefined;
  /** What it sent is decided in the order in which it came: the last decision that is not made yet. */
  pending: Promise<void> | undefined;
  /** Decisions that are not made yet. */
  waiting = 0;

  constructor(
    readonly socket: Socket,
    readonly address: string | null,
    readonly connectedAt: number,
  ) {
    this.lastActiveAt = connectedAt;
    this.confirmedAt = connectedAt;
  }

  /** Unique over all nodes. */
  get id(): string {
    return this.socket.id;
  }

  get namespace(): string {
    return this.socket.nsp.name;
  }

  get transport(): 'polling' | 'websocket' | 'webtransport' {
    return this.socket.conn.transport.name as 'polling' | 'websocket' | 'webtransport';
  }

  exceptionOf(error: IdentitySessionError): unknown {
    return socketExceptionOf(error);
  }
}
