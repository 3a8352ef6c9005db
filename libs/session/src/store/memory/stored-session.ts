import { scopeKeysFor } from '../../core/policy.js';
import type { PendingSignIn } from '../../core/pending.js';
import type { SessionRecord } from '../../core/session.js';
import { newRotationSalt } from '../rotation-salt.js';
import type { PendingAdmission } from '../session-activation.js';
import type { Admission } from '../session-store.js';

/**
 * The record of a session at its admission. Shares nothing that the caller could still change.
 * @param createdAt `now`, or later where a cut-off covers that
 */
export function newSession(admission: Admission, sequence: number, now: number, createdAt: number): SessionRecord {
  const { facts, pending = null } = admission;
  const lifetimes =
    pending === null ? admission : { idleTimeoutMs: pending.timeLimitMs, absoluteLifetimeMs: pending.timeLimitMs };
  return {
    id: admission.id,
    version: 1,
    sequence,
    tenantId: facts.tenantId,
    userId: facts.userId,
    clientId: facts.clientId,
    deviceType: facts.deviceType,
    deviceId: facts.deviceId,
    status: pending === null ? 'active' : 'pending',
    pending: pending && pendingOf(pending),
    scopeKeys: Object.freeze(scopeKeysFor(admission.policy, facts)),
    tokenDigest: Uint8Array.from(admission.tokenDigest),
    tokenGeneration: 0,
    previous: null,
    rotationSalt: newRotationSalt(),
    rotatedAt: null,
    deviceName: admission.deviceName,
    userAgent: admission.userAgent,
    initialIp: admission.ip,
    lastIp: admission.ip,
    location: admission.location,
    impersonator: admission.impersonator && Object.freeze({ ...admission.impersonator }),
    rememberMe: admission.rememberMe,
    isProtected: admission.isProtected ?? false,
    assurance: admission.assurance,
    createdAt,
    authenticatedAt: now,
    lastAccessedAt: now,
    idleTimeoutMs: lifetimes.idleTimeoutMs,
    expiresAt: now + lifetimes.absoluteLifetimeMs,
    endedAt: null,
    endReason: null,
    endedBy: null,
    restoredFrom: null,
    data: jsonCopy(admission.data),
    dataVersion: 0,
  };
}

function pendingOf({ requirements, roles }: PendingAdmission): PendingSignIn {
  return jsonCopy({ requirements: requirements.map((requirement) => ({ ...requirement, met: [] })), roles });
}

/** What a caller gets: frozen, and with bytes of its own, since typed arrays cannot be frozen. */
export function handedOut(session: SessionRecord): SessionRecord {
  const { previous } = session;
  return Object.freeze({
    ...session,
    tokenDigest: Uint8Array.from(session.tokenDigest),
    previous: previous && Object.freeze({ ...previous, digest: Uint8Array.from(previous.digest) }),
  });
}

/** Through text, so that a test in memory meets what a database would make of the data. */
export function jsonCopy<T extends object>(data: T): T {
  return JSON.parse(JSON.stringify(data), (_key, value: unknown) => Object.freeze(value)) as T;
}
