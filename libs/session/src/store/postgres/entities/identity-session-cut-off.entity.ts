import { Column, Entity, PrimaryColumn } from 'typeorm';

/** "Nothing issued before this moment", for a user, a tenant or all: the latest cut-off of each scope. */
@Entity({ name: 'identity_session_cut_off', synchronize: false })
export class IdentitySessionCutOffEntity {
  /** Generated from tenant and user, so that no two scopes are one. */
  @PrimaryColumn({ type: 'text', insert: false, update: false })
  scope!: string;

  /** `null` for any tenant, empty for those without one. */
  @Column({ type: 'text', name: 'tenant_id', nullable: true })
  tenantId!: string | null;

  /** `null` for everybody. */
  @Column({ type: 'text', name: 'user_id', nullable: true })
  userId!: string | null;

  @Column({ type: 'timestamptz', name: 'not_before', precision: 3 })
  notBefore!: Date;

  /** Raised by each cut-off of the scope. */
  @Column({ type: 'integer', default: 1 })
  version!: number;

  @Column('text')
  reason!: string;

  @Column({ type: 'text', nullable: true })
  actor!: string | null;

  /** The same for protected sessions: of the latest cut-off that has included them; `null` where none has. */
  @Column({ type: 'timestamptz', name: 'protected_not_before', precision: 3, nullable: true })
  protectedNotBefore!: Date | null;

  @Column({ type: 'text', name: 'protected_reason', nullable: true })
  protectedReason!: string | null;

  @Column({ type: 'text', name: 'protected_actor', nullable: true })
  protectedActor!: string | null;
}
