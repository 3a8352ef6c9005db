import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** An event that a durable listener could not be told of. */
@Entity({ name: 'identity_session_dead_letter', synchronize: false })
@Index('identity_session_dead_letter_listener', ['listener', 'id'])
export class IdentitySessionDeadLetterEntity {
  @PrimaryColumn({ type: 'bigint', generated: 'identity', generatedIdentity: 'ALWAYS' })
  id!: string;

  @Column('text')
  listener!: string;

  @Column({ type: 'bigint', name: 'event_id' })
  eventId!: string;

  @Column('jsonb')
  event!: Record<string, unknown>;

  @Column('text')
  error!: string;

  @Column('integer')
  attempts!: number;

  @Column({ type: 'timestamptz', precision: 3 })
  at!: Date;
}
