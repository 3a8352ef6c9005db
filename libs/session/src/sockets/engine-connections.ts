import type { Server, Socket } from 'socket.io';

/** The connections beneath a server's sockets, those too that have joined no namespace. None where it is not attached. */
export function engineConnectionsOf(server: Server): Socket['conn'][] {
  // Public in JavaScript, and counted by `engine.clientsCount`; the declarations keep it for subclasses.
  const { engine } = server as unknown as { readonly engine?: { readonly clients: Record<string, Socket['conn']> } };
  return engine === undefined ? [] : Object.values(engine.clients);
}

/** How many namespaces a client is in. */
export function namespacesOf(client: Socket['client']): number {
  return (client as unknown as { readonly sockets: ReadonlyMap<string, Socket> }).sockets.size;
}
