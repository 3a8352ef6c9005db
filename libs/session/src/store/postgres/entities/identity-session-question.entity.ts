import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** An open question of the policy ("which session shall end?"); its ticket is a secret, so only its digest is here. */
@Entity({ name: 'identity_session_question', synchronize: false })
@Index('identity_session_question_expiry', ['expiresAt'])
export class IdentitySessionQuestionEntity {
  @PrimaryColumn({ type: 'bytea', name: 'ticket_digest' })
  ticketDigest!: Buffer;

  @Column({ type: 'text', name: 'tenant_id' })
  tenantId!: string;

  @Column({ type: 'text', name: 'user_id' })
  userId!: string;

  @Column({ type: 'timestamptz', name: 'expires_at', precision: 3 })
  expiresAt!: Date;
}
