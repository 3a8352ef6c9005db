import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A lock that somebody holds or has held within the last hour. */
@Entity({ name: 'identity_session_lock', synchronize: false })
export class IdentitySessionLockEntity {
  /** What is locked; users by a hash. */
  @PrimaryColumn({ type: 'text', collation: 'C' })
  key!: string;

  @Column({ type: 'uuid' })
  holder!: string;

  /** Higher than that of everybody who held it before. */
  @Column({ type: 'bigint' })
  token!: string;

  /** When it is free, unless it is renewed before. */
  @Column({ type: 'timestamptz', name: 'expires_at', precision: 3 })
  expiresAt!: Date;
}
