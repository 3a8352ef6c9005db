import type { IdentitySessionError } from '../../core/errors.js';
import type { VouchedCredential } from '../credential/vouched-session.js';

/** A connection that lives on after its handshake, in which its owner has proved which session is theirs. */
export interface BoundConnection {
  /** Whose it is at the moment, with the rights that were proved; `null` for one that was let in without a session. */
  readonly credential: VouchedCredential | null;
  /** The error as the transport's own exception. */
  exceptionOf(error: IdentitySessionError): unknown;
}

const CONNECTIONS = Symbol.for('nestjs-identity-session:connections');

/** By what a framework calls the client; one map for all copies of this module in a process. */
const connections = ((globalThis as { [CONNECTIONS]?: WeakMap<object, BoundConnection> | undefined })[CONNECTIONS] ??=
  new WeakMap());

/** From now on the guard takes what the client sends as the session's, and no longer as its handshake's token. */
export function bindConnection(client: object, bound: BoundConnection): void {
  connections.set(client, bound);
}

export function boundConnection(client: object | null | undefined): BoundConnection | undefined {
  return client ? connections.get(client) : undefined;
}
