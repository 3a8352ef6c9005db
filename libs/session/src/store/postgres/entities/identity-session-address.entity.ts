import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * An address that a session was used from, written when it changes. One that never changed is in the session's own row
 * alone, so that every address of a session is either there or here.
 */
@Entity({ name: 'identity_session_address', synchronize: false })
@Index('identity_session_address_ip', ['ip', 'sessionId'])
export class IdentitySessionAddressEntity {
  @PrimaryColumn({ type: 'uuid', name: 'session_id' })
  sessionId!: string;

  @PrimaryColumn('text')
  ip!: string;

  @Column({ type: 'timestamptz', name: 'first_seen_at', precision: 3 })
  firstSeenAt!: Date;

  /** Up to when it was left; of the one in use now, when it was come to. */
  @Column({ type: 'timestamptz', name: 'last_seen_at', precision: 3 })
  lastSeenAt!: Date;
}
