import { Column, CreateDateColumn, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** What the one-time passwords of an account are made from. It counts once the account says so. */
@Entity('totp_factor')
export class TotpFactorEntity {
  /** Another one for every enrolment. */
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  /** An account has at most one. */
  @Column('uuid', { name: 'account_id' })
  accountId!: string;

  /** As `SecretBox` keeps it. */
  @Column('bytea')
  secret!: Buffer;

  /** The key that it is sealed with; `null` where the server has none and it lies there as it is. */
  @Column('text', { name: 'key_id', nullable: true })
  keyId!: string | null;

  /** The time step of the last code that was taken: that one and those before are taken no more. A bigint: text. */
  @Column('bigint', { name: 'last_step' })
  lastStep!: string;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
