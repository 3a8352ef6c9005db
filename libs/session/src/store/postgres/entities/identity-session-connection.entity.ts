import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { ConnectionMetadata } from '../../connection-store.js';

/**
 * A socket, as the node that it is connected to has written it down. Counts only while `identity_session_node` has a
 * recent sign of life of that node. Not kept over a crash of the database.
 */
@Entity({ name: 'identity_session_connection', synchronize: false })
@Index('identity_session_connection_node', ['nodeId', 'id'])
@Index('identity_session_connection_session', ['sessionId'])
@Index('identity_session_connection_user', ['userId', 'tenantId'])
export class IdentitySessionConnectionEntity {
  @PrimaryColumn('text')
  id!: string;

  /** `identity_session_node.id`. */
  @Column({ type: 'uuid', name: 'node_id' })
  nodeId!: string;

  @Column('text')
  transport!: string;

  @Column('text')
  namespace!: string;

  @Column({ type: 'text', nullable: true })
  address!: string | null;

  @Column({ type: 'timestamptz', name: 'connected_at', precision: 3 })
  connectedAt!: Date;

  @Column({ type: 'timestamptz', name: 'last_active_at', precision: 3 })
  lastActiveAt!: Date;

  @Column({ type: 'uuid', name: 'session_id', nullable: true })
  sessionId!: string | null;

  /** Empty for no tenant. */
  @Column({ type: 'text', name: 'tenant_id' })
  tenantId!: string;

  @Column({ type: 'text', name: 'user_id', nullable: true })
  userId!: string | null;

  @Column('jsonb')
  metadata!: ConnectionMetadata;
}
