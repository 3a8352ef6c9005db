import type { SessionRecord } from '../core/session.js';
import { newRotationSalt } from '../store/rotation-salt.js';
import { randomDigest } from './session-builder.js';

const CREATED_AT = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;

/** A valid record of a live session; a test says what it cares about and the rest is made up. */
export function sessionRecordOf(overrides: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: '01a00000-0000-7000-8000-000000000000',
    version: 1,
    sequence: 1,
    tenantId: null,
    userId: 'alice',
    clientId: null,
    deviceType: 'web',
    deviceId: null,
    status: 'active',
    pending: null,
    scopeKeys: ['subject', 'deviceType:web', 'client:'],
    tokenDigest: randomDigest(),
    tokenGeneration: 0,
    previous: null,
    rotationSalt: newRotationSalt(),
    rotatedAt: null,
    deviceName: null,
    userAgent: null,
    initialIp: null,
    lastIp: null,
    location: null,
    impersonator: null,
    rememberMe: false,
    isProtected: false,
    assurance: 'aal1',
    createdAt: CREATED_AT,
    authenticatedAt: CREATED_AT,
    lastAccessedAt: CREATED_AT,
    idleTimeoutMs: HOUR_MS,
    expiresAt: CREATED_AT + 24 * HOUR_MS,
    endedAt: null,
    endReason: null,
    endedBy: null,
    restoredFrom: null,
    data: {},
    dataVersion: 0,
    ...overrides,
  };
}
