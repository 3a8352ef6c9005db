import type { VouchedCredential } from '../nest/credential/vouched-session.js';

const PREFIX = 'identity-session:';

/** Of all connections of a session. */
export const sessionRoom = (sessionId: string): string => `${PREFIX}session:${sessionId}`;

/** Of all connections of a user. No two users share one, whatever their ids hold. */
export const userRoom = (tenantId: string | null, userId: string): string =>
  `${PREFIX}user:${JSON.stringify([tenantId, userId])}`;

export function roomsOf({ sessionId, tenantId, userId }: VouchedCredential): [session: string, user: string] {
  return [sessionRoom(sessionId), userRoom(tenantId, userId)];
}

/** True for a room that tells whose a connection is. */
export const isOwnRoom = (room: string): boolean => room.startsWith(PREFIX);
