import type { Namespace, Socket } from 'socket.io';

/** Of socket.io, what its types keep to itself. */
interface Joined {
  readonly _preConnectSockets: ReadonlyMap<string, Socket>;
  _remove(socket: Socket): void;
}

/**
 * socket.io closes a namespace that was made by a pattern once nobody is in it any more (`cleanupEmptyChildNamespaces`),
 * also where somebody is on their way into it: they would be alone in one that nobody else finds. From here on it waits
 * for them.
 */
export function keepWhileJoined(namespace: Namespace): void {
  if (!Object.hasOwn(namespace, '_remove')) return;
  const joined = namespace as unknown as Joined;
  const remove = (Object.getPrototypeOf(namespace) as Joined)._remove.bind(namespace);
  const removeAndClose = joined._remove.bind(namespace);
  joined._remove = (socket) => {
    const others = joined._preConnectSockets.size - (joined._preConnectSockets.has(socket.id) ? 1 : 0);
    if (others === 0) removeAndClose(socket);
    else remove(socket);
  };
}
