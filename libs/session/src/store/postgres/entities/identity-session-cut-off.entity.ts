import { Column, Entity, PrimaryColumn } from 'typeorm';

/** "Nothing issued before this moment", for a user, a tenant or all; empty text means any. */
@Entity({ name: 'identity_session_cut_off', synchronize: false })
export class IdentitySessionCutOffEntity {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' })
  tenantId!: string;

  @PrimaryColumn({ type: 'text', name: 'user_id' })
  userId!: string;

  @Column({ type: 'timestamptz', name: 'not_before', precision: 3 })
  notBefore!: Date;

  @Column({ type: 'integer', default: 1 })
  version!: number;

  @Column('text')
  reason!: string;

  @Column({ type: 'text', nullable: true })
  actor!: string | null;

  @Column({ type: 'timestamptz', precision: 3 })
  at!: Date;
}
