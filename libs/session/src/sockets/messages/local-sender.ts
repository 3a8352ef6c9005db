import type { Namespace, Socket } from 'socket.io';
import type { Connection } from '../connection.js';
import type { LocalConnections } from '../local-connections.js';
import { type Acknowledgement, type LocalDelivery, NOTHING_DELIVERED } from './delivery.js';
import { jsonText } from './json-text.js';
import type { MessageTarget, SentMessage } from './node-message.js';
import type { SlowReceivers } from './slow-receivers.js';

/**
 * Delivers messages to connections of this node: those whose session is not known to be over, nor may be without this
 * node having heard of it. A process that was stopped finds messages waiting before it has read what happened meanwhile.
 */
export class LocalSender {
  constructor(
    private readonly connections: LocalConnections,
    private readonly slow: Pick<SlowReceivers, 'check'>,
    private readonly mayHear: (connection: Connection) => boolean,
  ) {}

  has(connectionId: string): boolean {
    return this.connections.get(connectionId) !== undefined;
  }

  /** At once, where nothing is to be acknowledged. Never throws. */
  send(message: SentMessage): LocalDelivery | Promise<LocalDelivery> {
    const ready: Socket[] = [];
    let failed = 0;
    for (const connection of this.#targets(message.target)) {
      const { socket } = connection;
      if (message.namespace !== undefined && socket.nsp.name !== message.namespace) continue;
      const isOpen = socket.connected && socket.conn.readyState === 'open';
      if (isOpen && this.mayHear(connection) && this.slow.check(socket)) ready.push(socket);
      else failed += 1;
    }
    if (ready.length === 0) return { ...NOTHING_DELIVERED, failed };
    const args = message.data === undefined ? [] : [message.data];
    try {
      if (message.acknowledgeMs !== undefined)
        return this.#ask(ready, failed, message.event, args, message.acknowledgeMs);
      for (const [namespace, ids] of byNamespace(ready)) namespace.local.to(ids).emit(message.event, ...args);
      return { ...NOTHING_DELIVERED, reached: ready.length, failed };
    } catch {
      // It cannot be encoded for clients.
      return { ...NOTHING_DELIVERED, failed: failed + ready.length };
    }
  }

  #targets(target: MessageTarget): Iterable<Connection> {
    switch (target.kind) {
      case 'connection': {
        const connection = this.connections.get(target.id);
        return connection === undefined ? [] : [connection];
      }
      case 'session':
        return [...this.connections.ofSession(target.id)];
      case 'user':
        return [...this.connections.ofUser(target.tenantId, target.userId)];
      case 'all':
        return this.connections.all();
    }
  }

  async #ask(
    sockets: readonly Socket[],
    failed: number,
    event: string,
    args: readonly unknown[],
    timeoutMs: number,
  ): Promise<LocalDelivery> {
    const acknowledged: Acknowledgement[] = [];
    const unacknowledged: string[] = [];
    await Promise.all(
      sockets.map(async (socket) => {
        try {
          const value: unknown = await socket.timeout(timeoutMs).emitWithAck(event, ...args);
          acknowledged.push({ connectionId: socket.id, value: carried(value) });
        } catch {
          unacknowledged.push(socket.id);
        }
      }),
    );
    return { reached: sockets.length, failed, acknowledged, unacknowledged };
  }
}

/** A message is encoded once for all connections of a namespace, whose rooms include one for each connection. */
function byNamespace(sockets: readonly Socket[]): Map<Namespace, string[]> {
  const groups = new Map<Namespace, string[]>();
  for (const { nsp, id } of sockets) {
    const ids = groups.get(nsp);
    if (ids === undefined) groups.set(nsp, [id]);
    else ids.push(id);
  }
  return groups;
}

/** The same, whichever node it comes from. */
function carried(value: unknown): unknown {
  if (value === undefined) return undefined;
  try {
    return JSON.parse(jsonText(value)) as unknown;
  } catch {
    return undefined;
  }
}
