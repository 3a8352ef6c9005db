import type { Socket } from 'socket.io';

/** Takes a socket out of every room but its own: what let it in was for another session. */
export function leaveRooms(socket: Socket): void {
  for (const room of socket.rooms) if (room !== socket.id) void socket.leave(room);
}
