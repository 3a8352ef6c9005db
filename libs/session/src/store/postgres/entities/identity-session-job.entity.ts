import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** What is done to many sessions, page by page, and how far it has come. */
@Entity({ name: 'identity_session_job', synchronize: false })
@Index('identity_session_job_open', ['createdAt'], { where: `status IN ('running', 'awaiting_approval')` })
@Index('identity_session_job_created', ['createdAt', 'id'])
export class IdentitySessionJobEntity {
  @PrimaryColumn('uuid')
  id!: string;

  /** `revoke` or `suspend`. */
  @Column('text')
  kind!: string;

  @Column('jsonb')
  filter!: Record<string, unknown>;

  /** The right that it was asked with. */
  @Column('jsonb')
  scope!: Record<string, unknown>;

  /** The same, to be compared with the rights of others. */
  @Column({ type: 'text', name: 'scope_parts', array: true })
  scopeParts!: string[];

  @Column('text')
  reason!: string;

  @Column({ type: 'text', name: 'asked_by', nullable: true })
  askedBy!: string | null;

  @Column({ type: 'integer', nullable: true })
  max!: number | null;

  @Column('text')
  status!: string;

  /** How many matched when it was asked. */
  @Column('integer')
  matched!: number;

  @Column({ type: 'integer', default: 0 })
  changed!: number;

  @Column({ type: 'integer', default: 0 })
  skipped!: number;

  /** The last session that it has looked at. */
  @Column({ type: 'uuid', name: 'last_id', nullable: true })
  lastId!: string | null;

  @Column({ type: 'text', name: 'approved_by', nullable: true })
  approvedBy!: string | null;

  @Column({ type: 'timestamptz', name: 'approved_at', precision: 3, nullable: true })
  approvedAt!: Date | null;

  @Column({ type: 'text', name: 'cancelled_by', nullable: true })
  cancelledBy!: string | null;

  /** Of the node that is at it. */
  @Column({ type: 'uuid', nullable: true })
  claim!: string | null;

  @Column({ type: 'text', nullable: true })
  node!: string | null;

  @Column({ type: 'timestamptz', name: 'heartbeat_at', precision: 3, nullable: true })
  heartbeatAt!: Date | null;

  /** How often it was begun or taken over since it last came on. */
  @Column({ type: 'integer', default: 0 })
  attempts!: number;

  @Column({ type: 'timestamptz', name: 'created_at', precision: 3 })
  createdAt!: Date;

  @Column({ type: 'timestamptz', name: 'started_at', precision: 3, nullable: true })
  startedAt!: Date | null;

  @Column({ type: 'timestamptz', name: 'finished_at', precision: 3, nullable: true })
  finishedAt!: Date | null;

  @Column({ type: 'text', nullable: true })
  error!: string | null;
}
