import type { SessionStatus } from '../../core/lifecycle.js';
import { type Approvers, isMet, type SignInRequirement } from '../../core/pending.js';
import type { AssuranceLevel, DeviceType } from '../../core/session.js';
import type { SessionIds } from './session-ids.js';
import type { Session } from './session.js';

/** What a sign-in that is not complete waits for, in an answer. */
export interface SignInRequirementJson {
  readonly name: string;
  readonly met: boolean;
  /** `null` for what the application completes itself. */
  readonly approvers: Approvers | null;
  /** Who has met it, or their part of it, oldest first. */
  readonly metBy: readonly { readonly by: string | null; readonly at: string }[];
}

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
  /** Of a session alone that has taken the place of a revoked one: the id of that. */
  readonly restoredFrom?: string;
  /** Of a pending session alone. */
  readonly requirements?: readonly SignInRequirementJson[];
  /** Of a protected session alone. */
  readonly protected?: true;
}

/** The answer's form of a session. `currentId` is the session of whoever asks, or `null`; `ids` says how ids look outside. */
export function sessionToJson(
  session: Session,
  currentId: string | null,
  ids: Pick<SessionIds, 'encode'>,
): SessionJson {
  return {
    id: ids.encode(session.id),
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
    ...(session.restoredFrom === null ? {} : { restoredFrom: ids.encode(session.restoredFrom) }),
    ...(session.status === 'pending' ? { requirements: session.requirements.map(requirementToJson) } : {}),
    ...(session.isProtected ? { protected: true } : {}),
  };
}

function requirementToJson(requirement: SignInRequirement): SignInRequirementJson {
  const { name, approvers, met } = requirement;
  const metBy = met.map(({ by, at }) => ({ by, at: new Date(at).toISOString() }));
  return { name, met: isMet(requirement), approvers, metBy };
}
