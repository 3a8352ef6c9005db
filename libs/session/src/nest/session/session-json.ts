import type { SessionStatus } from '../../core/lifecycle.js';
import type { AssuranceLevel, DeviceType } from '../../core/session.js';
import type { Session } from './session.js';

/** A session in an answer: exactly these keys, absent values `null`, times ISO 8601 in UTC. */
export interface SessionJson {
  readonly id: string;
  readonly userId: string;
  readonly tenantId: string | null;
  readonly clientId: string | null;
  readonly deviceType: DeviceType;
  readonly deviceName: string | null;
  readonly userAgent: string | null;
  readonly initialIp: string | null;
  readonly lastIp: string | null;
  readonly location: string | null;
  readonly status: SessionStatus;
  readonly createdAt: string;
  readonly authenticatedAt: string;
  readonly lastAccessedAt: string;
  readonly idleExpiresAt: string;
  readonly expiresAt: string;
  readonly assurance: AssuranceLevel;
  readonly current: boolean;
  readonly endedAt: string | null;
  readonly endReason: string | null;
  readonly endedBy: string | null;
}

/** The answer's form of a session. `currentId` is the session of whoever asks, or `null`. */
export function sessionToJson(session: Session, currentId: string | null): SessionJson {
  return {
    id: session.id,
    userId: session.userId,
    tenantId: session.tenantId,
    clientId: session.clientId,
    deviceType: session.deviceType,
    deviceName: session.deviceName,
    userAgent: session.userAgent,
    initialIp: session.initialIp,
    lastIp: session.lastIp,
    location: session.location,
    status: session.status,
    createdAt: session.createdAt.toISOString(),
    authenticatedAt: session.authenticatedAt.toISOString(),
    lastAccessedAt: session.lastAccessedAt.toISOString(),
    idleExpiresAt: session.idleExpiresAt.toISOString(),
    expiresAt: session.expiresAt.toISOString(),
    assurance: session.assurance,
    current: session.id === currentId,
    endedAt: session.endedAt?.toISOString() ?? null,
    endReason: session.endReason,
    endedBy: session.endedBy,
  };
}
