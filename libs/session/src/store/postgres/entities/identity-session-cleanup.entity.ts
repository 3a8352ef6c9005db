import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What the cleanup of all nodes has done so far: one row. */
@Entity({ name: 'identity_session_cleanup', synchronize: false })
export class IdentitySessionCleanupEntity {
  @PrimaryColumn({ type: 'integer', default: 1 })
  id!: number;

  @Column({ type: 'timestamptz', name: 'last_run_at', precision: 3, nullable: true })
  lastRunAt!: Date | null;

  /** When somebody last began to go through all live sessions. */
  @Column({ type: 'timestamptz', name: 'walked_at', precision: 3, nullable: true })
  walkedAt!: Date | null;

  /** Sessions ended. */
  @Column({ type: 'bigint', default: 0 })
  ended!: string;

  /** Ended sessions removed. */
  @Column({ type: 'bigint', default: 0 })
  removed!: string;

  /** Sessions whose addresses were removed. */
  @Column({ type: 'bigint', default: 0 })
  scrubbed!: string;
}
