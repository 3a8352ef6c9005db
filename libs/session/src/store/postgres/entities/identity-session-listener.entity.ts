import { Column, Entity, PrimaryColumn } from 'typeorm';

/** How far a durable listener has come. Snapshots and transaction ids are text here. */
@Entity({ name: 'identity_session_listener', synchronize: false })
export class IdentitySessionListenerEntity {
  @PrimaryColumn('text')
  name!: string;

  /** Everything that this snapshot sees has been told. */
  @Column('text')
  position!: string;

  @Column({ type: 'timestamptz', name: 'position_at', precision: 3 })
  positionAt!: Date;

  /** And of what this one sees beyond it, all up to `afterId`. */
  @Column({ type: 'text', nullable: true })
  target!: string | null;

  @Column({ type: 'bigint', name: 'after_id', default: 0 })
  afterId!: string;

  @Column({ type: 'text', name: 'last_xid' })
  lastXid!: string;

  /** How often the next event was tried in vain. */
  @Column({ type: 'integer', default: 0 })
  attempts!: number;

  @Column({ type: 'timestamptz', name: 'failing_since', precision: 3, nullable: true })
  failingSince!: Date | null;

  @Column({ type: 'timestamptz', name: 'retry_at', precision: 3, nullable: true })
  retryAt!: Date | null;

  /** The node that is at it. */
  @Column({ type: 'text', name: 'leased_by', nullable: true })
  leasedBy!: string | null;

  @Column({ type: 'timestamptz', name: 'leased_until', precision: 3, nullable: true })
  leasedUntil!: Date | null;
}
