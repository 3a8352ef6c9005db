import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Settings at run time: of everybody, and of tenants that have their own. */
@Entity({ name: 'identity_session_setting', synchronize: false })
export class IdentitySessionSettingEntity {
  /** Generated from the tenant. */
  @PrimaryColumn({ type: 'text', insert: false, update: false })
  scope!: string;

  /** `null` for everybody. */
  @Column({ type: 'text', name: 'tenant_id', nullable: true })
  tenantId!: string | null;

  /** Raised by each change. */
  @Column({ type: 'integer', default: 1 })
  version!: number;

  /** Of `settings`; nodes leave alone what they do not know. */
  @Column('integer')
  format!: number;

  /** `null` once they were taken back. */
  @Column({ type: 'jsonb', nullable: true })
  settings!: Record<string, unknown> | null;

  /** `all`, or `tenant` where the tenant's own administrators keep them. */
  @Column('text')
  keeper!: string;

  @Column({ type: 'timestamptz', name: 'changed_at', precision: 3 })
  changedAt!: Date;

  @Column('text')
  reason!: string;

  @Column({ type: 'text', nullable: true })
  actor!: string | null;
}
