import type { Socket } from 'socket.io';

type PacketListener = Parameters<Socket['use']>[0];

/**
 * As `socket.use`. The first call of that one makes room for sixteen more, which is more memory than anything else that a
 * connection has of this module.
 */
export function usePackets(socket: Socket, listener: PacketListener): void {
  // Private in the declarations; where it is not there, or others came first, the public way does the same.
  const inner = socket as unknown as { fns?: PacketListener[] };
  if (Array.isArray(inner.fns) && inner.fns.length === 0) inner.fns = [listener];
  else socket.use(listener);
}
