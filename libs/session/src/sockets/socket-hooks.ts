import type { Session } from '../nest/session/session.js';
import type { Connection } from './connection.js';

/**
 * Told of connections and what they send, on the node that has them. They observe: nothing waits for them, and what they
 * throw is logged once for each kind and has no other effect. `session` is `null` where nobody has authenticated.
 */
export interface SocketHooks {
  /** It has joined a namespace, and receives. One that is authenticated later is not told of again. */
  onConnect?(connection: Connection, session: Session | null): unknown;
  /**
   * It is closed. `reason` is the code that its session is refused with from now on (`SESSION_REVOKED`, …) where that is
   * why, else what socket.io says (`transport close`, `ping timeout`, …).
   */
  onDisconnect?(connection: Connection, session: Session | null, reason: string): unknown;
  /** A message that its session lets through; without the function that would acknowledge it. */
  onMessage?(connection: Connection, session: Session | null, event: string, args: readonly unknown[]): unknown;
}
