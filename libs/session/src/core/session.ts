import type { SessionStatus } from './lifecycle.js';
import type { PendingSignIn } from './pending.js';

/** What kind of device a session belongs to. Limits may differ by it. */
export type DeviceType = 'web' | 'mobile' | 'desktop' | 'other';

export const DEVICE_TYPES: readonly DeviceType[] = ['web', 'mobile', 'desktop', 'other'];

/** Authenticator assurance level. @see NIST SP 800-63B-4 section 2 */
export type AssuranceLevel = 'aal1' | 'aal2' | 'aal3';

export const ASSURANCE_LEVELS: readonly AssuranceLevel[] = ['aal1', 'aal2', 'aal3'];

/** True where `level` is at least `minimum`; false where either is none of the levels. */
export function meetsAssurance(level: AssuranceLevel, minimum: AssuranceLevel): boolean {
  return ASSURANCE_LEVELS.includes(minimum) && ASSURANCE_LEVELS.indexOf(level) >= ASSURANCE_LEVELS.indexOf(minimum);
}

/** Per-session data: a JSON object. */
export type SessionData = Readonly<Record<string, unknown>>;

/**
 * The facts of a session that never change after admission. Policies see these, so that a decision made under the
 * lock stays true.
 */
export interface SessionFacts {
  readonly tenantId: string | null;
  readonly userId: string;
  readonly clientId: string | null;
  readonly deviceType: DeviceType;
  readonly deviceId: string | null;
}

/** A user, by name alone: two tenants may have users of the same id. */
export interface SessionSubject {
  readonly tenantId: string | null;
  readonly userId: string;
}

/** The token that was current before the last rotation, and what it is still good for. */
export interface PreviousToken {
  readonly digest: Uint8Array;
  /** The level that the session had under it; whoever presents it has no more. */
  readonly assurance: AssuranceLevel;
  /** When the user had last proved who they are under it, in milliseconds. */
  readonly authenticatedAt: number;
  /** Whether who presents it in the grace may be given the current token, which then derives from it. */
  readonly hasSuccessor: boolean;
}

/**
 * A session as stores and caches hold it. Immutable: a change makes a new record with a higher `version` (except for
 * touches, which raise no version). All times are milliseconds since the epoch on the database's clock.
 */
export interface SessionRecord extends SessionFacts {
  readonly id: string;
  /** Raised by every change that others may have cached; touches leave it alone. */
  readonly version: number;
  /** Order of admission where two sessions were created in the same millisecond. */
  readonly sequence: number;
  readonly status: SessionStatus;
  /** What a sign-in waits for, or did when it was given up; `null` for a session that has been active. */
  readonly pending: PendingSignIn | null;
  /** Computed at admission from the policy's scopes; what the session counts under. */
  readonly scopeKeys: readonly string[];
  /** SHA-256 of the current token; the token itself is nowhere. */
  readonly tokenDigest: Uint8Array;
  readonly tokenGeneration: number;
  /** Absent where the last rotation killed it at once. It stays after its grace, so that its reuse is recognised. */
  readonly previous: PreviousToken | null;
  /**
   * 16 bytes in base64url: what the successor of the token derives from, beside the token itself. Never leaves the
   * servers. Text, because a byte array would take 200 bytes more of each session in memory.
   */
  readonly rotationSalt: string;
  /** `null` for a token that is the first of its session. */
  readonly rotatedAt: number | null;
  readonly deviceName: string | null;
  readonly userAgent: string | null;
  readonly initialIp: string | null;
  readonly lastIp: string | null;
  readonly location: string | null;
  /** Who began it as somebody else; `null` where users signed in themselves. */
  readonly impersonator: SessionSubject | null;
  readonly rememberMe: boolean;
  /** Ends by nobody's hand without a right of its own: a break-glass session. As it was signed in, for ever. */
  readonly isProtected: boolean;
  readonly assurance: AssuranceLevel;
  readonly createdAt: number;
  readonly authenticatedAt: number;
  readonly lastAccessedAt: number;
  readonly idleTimeoutMs: number;
  /** The absolute limit. */
  readonly expiresAt: number;
  readonly endedAt: number | null;
  readonly endReason: string | null;
  readonly endedBy: string | null;
  /** The revoked session whose place it takes; `null` for one that a sign-in has made. */
  readonly restoredFrom: string | null;
  readonly data: SessionData;
  /** How often the data was changed since the sign-in; no other change raises it. */
  readonly dataVersion: number;
}
