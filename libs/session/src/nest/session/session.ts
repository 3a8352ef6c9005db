import type { SessionStatus } from '../../core/lifecycle.js';
import type { SignInRequirement } from '../../core/pending.js';
import type { AssuranceLevel, DeviceType, SessionData, SessionRecord, SessionSubject } from '../../core/session.js';

/** What is known of the latest access; a node may know of a later one than the record. */
export interface LatestAccess {
  readonly lastAccessedAt: number;
  readonly lastIp: string | null;
}

/**
 * A session as the application sees it: who is signed in, from where, until when. Read only; it has no token and no
 * digest. Its changes go through `SessionService` and `SessionAdminService`.
 */
export class Session<TData extends SessionData = SessionData> {
  readonly #record: SessionRecord;
  readonly #access: LatestAccess;

  constructor(record: SessionRecord, access: LatestAccess = record) {
    this.#record = record;
    this.#access = access;
  }

  get id(): string {
    return this.#record.id;
  }

  get version(): number {
    return this.#record.version;
  }

  get userId(): string {
    return this.#record.userId;
  }

  /** `null` in an application without tenants. */
  get tenantId(): string | null {
    return this.#record.tenantId;
  }

  get clientId(): string | null {
    return this.#record.clientId;
  }

  get deviceType(): DeviceType {
    return this.#record.deviceType;
  }

  get deviceId(): string | null {
    return this.#record.deviceId;
  }

  get deviceName(): string | null {
    return this.#record.deviceName;
  }

  get userAgent(): string | null {
    return this.#record.userAgent;
  }

  get initialIp(): string | null {
    return this.#record.initialIp;
  }

  get lastIp(): string | null {
    return this.#access.lastIp;
  }

  get location(): string | null {
    return this.#record.location;
  }

  /** Who began the session as this user; `null` where users signed in themselves. */
  get impersonator(): SessionSubject | null {
    return this.#record.impersonator;
  }

  get status(): SessionStatus {
    return this.#record.status;
  }

  /** What a sign-in that is not complete waits for; empty for a session that has been active. */
  get requirements(): readonly SignInRequirement[] {
    return this.#record.pending?.requirements ?? [];
  }

  get assurance(): AssuranceLevel {
    return this.#record.assurance;
  }

  get rememberMe(): boolean {
    return this.#record.rememberMe;
  }

  /** Whether it takes a right of its own to end or suspend it; as `SignInInput.protected` has said. */
  get isProtected(): boolean {
    return this.#record.isProtected;
  }

  /** Frozen. Changes go through `SessionDataService`. */
  get data(): TData {
    return this.#record.data as TData;
  }

  /** How often the data was changed since the sign-in: for `ifVersion`. */
  get dataVersion(): number {
    return this.#record.dataVersion;
  }

  get createdAt(): Date {
    return new Date(this.#record.createdAt);
  }

  /** When the user last proved who they are. */
  get authenticatedAt(): Date {
    return new Date(this.#record.authenticatedAt);
  }

  get lastAccessedAt(): Date {
    return new Date(this.#access.lastAccessedAt);
  }

  /** When it ends unless it is used again. */
  get idleExpiresAt(): Date {
    return new Date(this.#access.lastAccessedAt + this.#record.idleTimeoutMs);
  }

  /** When it ends whatever happens. */
  get expiresAt(): Date {
    return new Date(this.#record.expiresAt);
  }

  get endedAt(): Date | null {
    return this.#record.endedAt === null ? null : new Date(this.#record.endedAt);
  }

  get endReason(): string | null {
    return this.#record.endReason;
  }

  get endedBy(): string | null {
    return this.#record.endedBy;
  }

  /** The id of the revoked session whose place it has taken; `null` for one that a sign-in has made. */
  get restoredFrom(): string | null {
    return this.#record.restoredFrom;
  }
}
