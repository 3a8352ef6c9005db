import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * The change log: audit trail, outbox and source of coherence in one. Written in the transaction of the change that it
 * tells of. Touches are not in it.
 */
@Entity({ name: 'identity_session_event', synchronize: false })
@Index('identity_session_event_xid', ['xid', 'id'])
@Index('identity_session_event_session', ['sessionId', 'id'])
@Index('identity_session_event_at', ['at'])
@Index('identity_session_event_user', ['userId', 'id'], { where: 'user_id IS NOT NULL' })
export class IdentitySessionEventEntity {
  @PrimaryColumn({ type: 'bigint', generated: 'identity', generatedIdentity: 'ALWAYS' })
  id!: string;

  /** The transaction that wrote the row. Rows commit out of order, so readers compare snapshots, not sequences. */
  @Column({ type: 'text', default: () => 'pg_current_xact_id()' })
  xid!: string;

  @Column({ type: 'timestamptz', precision: 3 })
  at!: Date;

  @Column('text')
  type!: string;

  @Column({ type: 'uuid', name: 'session_id', nullable: true })
  sessionId!: string | null;

  @Column({ type: 'integer', nullable: true })
  version!: number | null;

  @Column({ type: 'text', name: 'tenant_id' })
  tenantId!: string;

  @Column({ type: 'text', name: 'user_id', nullable: true })
  userId!: string | null;

  @Column({ type: 'text', nullable: true })
  reason!: string | null;

  @Column({ type: 'text', nullable: true })
  actor!: string | null;

  /** The same for every attempt at one operation: a retry after a lost answer recognises its own work. */
  @Column({ type: 'uuid', name: 'operation_id', nullable: true })
  operationId!: string | null;

  @Column({ type: 'jsonb', nullable: true })
  details!: Record<string, unknown> | null;

  /** What the session is from this change on; `null` where that did not change, and in rows of earlier versions. */
  @Column({ type: 'jsonb', nullable: true })
  state!: Record<string, unknown> | null;

  /** Where the change came from. */
  @Column({ type: 'jsonb', nullable: true })
  context!: Record<string, unknown> | null;
}
