/** What a client has answered. */
export interface Acknowledgement {
  readonly connectionId: string;
  /** As JSON; `undefined` where it answered with nothing that JSON can carry. */
  readonly value: unknown;
}

/** What became of a message. */
export interface Delivery {
  /**
   * - `reached`: written to at least one connection.
   * - `failed`: there are connections, and none took it: they are closing, or too far behind and so disconnected, or
   *   their node cannot tell whether their session lives.
   * - `offline`: there is no such connection, on any node.
   * - `unknown`: none was found, and not every node has answered (`isComplete`).
   */
  readonly outcome: 'reached' | 'failed' | 'offline' | 'unknown';
  /** Connections that it was written to. Whether it arrived, only an acknowledgement tells. */
  readonly reached: number;
  /** Connections that did not take it. */
  readonly failed: number;
  /** socket.io servers of other nodes that did not answer in time. They may have delivered it. */
  readonly silentNodes: number;
  /** Whether all nodes were asked and have answered. */
  readonly isComplete: boolean;
  /** With `acknowledge`: who did. */
  readonly acknowledged: readonly Acknowledgement[];
  /** With `acknowledge`: ids of the connections that it was written to and that did not, in time. */
  readonly unacknowledged: readonly string[];
}

/** What one node made of a message. */
export interface LocalDelivery {
  readonly reached: number;
  readonly failed: number;
  readonly acknowledged: readonly Acknowledgement[];
  readonly unacknowledged: readonly string[];
}

export const NOTHING_DELIVERED: LocalDelivery = { reached: 0, failed: 0, acknowledged: [], unacknowledged: [] };

export function sumOf(parts: readonly LocalDelivery[]): LocalDelivery {
  return {
    reached: parts.reduce((sum, { reached }) => sum + reached, 0),
    failed: parts.reduce((sum, { failed }) => sum + failed, 0),
    acknowledged: parts.flatMap(({ acknowledged }) => acknowledged),
    unacknowledged: parts.flatMap(({ unacknowledged }) => unacknowledged),
  };
}
