import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { SessionStatus } from '../../../core/lifecycle.js';
import type { PendingSignIn } from '../../../core/pending.js';
import type { AssuranceLevel, DeviceType } from '../../../core/session.js';

const LIVE = `"status" IN ('pending', 'active', 'suspended')`;

/**
 * One sign-in, live or ended. For reading and joining in the application's own queries; every change goes through
 * `SessionService` and `SessionAdminService`, which keep version, log and caches in step.
 */
@Entity({ name: 'identity_session', synchronize: false })
@Index('identity_session_live_subject', ['tenantId', 'userId', 'createdAt', 'id'], { where: LIVE })
@Index('identity_session_user', ['userId', 'status', 'createdAt', 'id'])
@Index('identity_session_status', ['status', 'createdAt', 'id'])
@Index('identity_session_tenant', ['tenantId', 'status', 'createdAt', 'id', 'deviceType', 'clientId'], {
  where: `"tenant_id" <> ''`,
})
@Index('identity_session_client', ['clientId', 'status', 'createdAt', 'id', 'deviceType'], {
  where: `"client_id" IS NOT NULL`,
})
@Index('identity_session_device_type', ['deviceType', 'status', 'createdAt', 'id'])
@Index('identity_session_initial_ip', ['initialIp', 'status', 'id'], { where: `"initial_ip" IS NOT NULL` })
@Index('identity_session_impersonator', ['impersonatorId', 'createdAt', 'id'], {
  where: `"impersonator_id" IS NOT NULL`,
})
@Index('identity_session_created', ['createdAt', 'id'])
@Index('identity_session_live_created', ['createdAt', 'id'], { where: LIVE })
@Index('identity_session_protected', ['createdAt'], { where: `"is_protected" AND ${LIVE}` })
@Index('identity_session_due', ['dueAt'], { where: LIVE })
@Index('identity_session_ended', ['endedAt'], { where: `"ended_at" IS NOT NULL` })
@Index('identity_session_unscrubbed', ['endedAt'], { where: `"ended_at" IS NOT NULL AND "scrubbed_at" IS NULL` })
@Index('identity_session_device', ['userId', 'deviceId', 'createdAt'], { where: `"device_id" IS NOT NULL` })
export class IdentitySessionEntity {
  @PrimaryColumn('uuid')
  id!: string;

  /** Order of admission within one millisecond. */
  @Column({ type: 'bigint', generated: 'identity', generatedIdentity: 'ALWAYS' })
  sequence!: string;

  @Column({ type: 'integer', default: 1 })
  version!: number;

  /** Empty for an application without tenants. */
  @Column({ type: 'text', name: 'tenant_id', default: '' })
  tenantId!: string;

  @Column({ type: 'text', name: 'user_id' })
  userId!: string;

  @Column({ type: 'text', name: 'client_id', nullable: true })
  clientId!: string | null;

  @Column({ type: 'text', name: 'device_type' })
  deviceType!: DeviceType;

  @Column({ type: 'text', name: 'device_id', nullable: true })
  deviceId!: string | null;

  @Column({ type: 'text', name: 'device_name', nullable: true })
  deviceName!: string | null;

  @Column({ type: 'text', name: 'user_agent', nullable: true })
  userAgent!: string | null;

  @Column({ type: 'text', name: 'initial_ip', nullable: true })
  initialIp!: string | null;

  @Column({ type: 'text', name: 'last_ip', nullable: true })
  lastIp!: string | null;

  @Column({ type: 'text', nullable: true })
  location!: string | null;

  /** Who began the session as somebody else; empty for a user without tenant. */
  @Column({ type: 'text', name: 'impersonator_tenant_id', nullable: true })
  impersonatorTenantId!: string | null;

  @Column({ type: 'text', name: 'impersonator_id', nullable: true })
  impersonatorId!: string | null;

  /** The node on which the session began. */
  @Column({ type: 'text', name: 'node_name', nullable: true })
  nodeName!: string | null;

  @Column('text')
  status!: SessionStatus;

  /** Whether it counts against limits: neither while it is pending, nor suspended with its slot given up. */
  @Column({ type: 'boolean', name: 'holds_slot', default: true })
  holdsSlot!: boolean;

  /** What a pending sign-in waits for. */
  @Column({ type: 'jsonb', nullable: true })
  pending!: PendingSignIn | null;

  @Column({ type: 'text', name: 'scope_keys', array: true })
  scopeKeys!: string[];

  @Column({ type: 'bytea', name: 'token_digest', select: false })
  tokenDigest!: Buffer;

  @Column({ type: 'integer', name: 'token_generation', default: 0 })
  tokenGeneration!: number;

  /** Still accepted during a rotation's grace; afterwards its reuse is theft. */
  @Column({ type: 'bytea', name: 'previous_token_digest', nullable: true, select: false })
  previousTokenDigest!: Buffer | null;

  /** What the session had reached under the previous token. */
  @Column({ type: 'text', name: 'previous_assurance', nullable: true })
  previousAssurance!: AssuranceLevel | null;

  @Column({ type: 'timestamptz', name: 'previous_authenticated_at', precision: 3, nullable: true })
  previousAuthenticatedAt!: Date | null;

  /** Whether who presents the previous token may be given the current one. */
  @Column({ type: 'boolean', name: 'previous_has_successor', nullable: true })
  previousHasSuccessor!: boolean | null;

  @Column({ type: 'bytea', name: 'rotation_salt', select: false })
  rotationSalt!: Buffer;

  @Column({ type: 'timestamptz', name: 'rotated_at', precision: 3, nullable: true })
  rotatedAt!: Date | null;

  @Column('text')
  assurance!: AssuranceLevel;

  @Column({ type: 'boolean', name: 'remember_me' })
  rememberMe!: boolean;

  /** Set at the sign-in and never changed. */
  @Column({ type: 'boolean', name: 'is_protected', default: false })
  isProtected!: boolean;

  @Column({ type: 'timestamptz', name: 'created_at', precision: 3 })
  createdAt!: Date;

  @Column({ type: 'timestamptz', name: 'authenticated_at', precision: 3 })
  authenticatedAt!: Date;

  /** In no index, so that a touch is a HOT update. */
  @Column({ type: 'timestamptz', name: 'last_accessed_at', precision: 3 })
  lastAccessedAt!: Date;

  @Column({ type: 'bigint', name: 'idle_timeout_ms' })
  idleTimeoutMs!: string;

  @Column({ type: 'timestamptz', name: 'expires_at', precision: 3 })
  expiresAt!: Date;

  /** When to look whether the session has run out; moved on lazily, never by a touch. Empty once ended. */
  @Column({ type: 'timestamptz', name: 'due_at', precision: 3, nullable: true })
  dueAt!: Date | null;

  @Column({ type: 'timestamptz', name: 'ended_at', precision: 3, nullable: true })
  endedAt!: Date | null;

  @Column({ type: 'text', name: 'end_reason', nullable: true })
  endReason!: string | null;

  @Column({ type: 'text', name: 'ended_by', nullable: true })
  endedBy!: string | null;

  /** Whether its revocation can be undone: an administrator ended it; false once something has changed since. */
  @Column({ type: 'boolean', nullable: true })
  undoable!: boolean | null;

  @Column({ type: 'timestamptz', name: 'undone_at', precision: 3, nullable: true })
  undoneAt!: Date | null;

  @Column({ type: 'text', name: 'undone_by', nullable: true })
  undoneBy!: string | null;

  @Column({ type: 'timestamptz', name: 'restorable_until', precision: 3, nullable: true })
  restorableUntil!: Date | null;

  /** The session that has taken its place. */
  @Column({ type: 'uuid', name: 'restored_as', nullable: true })
  restoredAs!: string | null;

  /** The revoked session whose place it has taken. */
  @Column({ type: 'uuid', name: 'restored_from', nullable: true })
  restoredFrom!: string | null;

  /** When its addresses were removed. */
  @Column({ type: 'timestamptz', name: 'scrubbed_at', precision: 3, nullable: true })
  scrubbedAt!: Date | null;

  @Column({ type: 'jsonb', default: {} })
  data!: Record<string, unknown>;

  /** How often the data was changed. */
  @Column({ type: 'integer', name: 'data_version', default: 0 })
  dataVersion!: number;
}
