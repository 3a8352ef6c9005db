import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A node that runs, by its last sign of life. Not kept over a crash of the database. */
@Entity({ name: 'identity_session_node', synchronize: false })
export class IdentitySessionNodeEntity {
  /** Of the process, since two may have been given one name. */
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  name!: string;

  @Column({ type: 'timestamptz', name: 'started_at', precision: 3 })
  startedAt!: Date;

  @Column({ type: 'timestamptz', name: 'seen_at', precision: 3 })
  seenAt!: Date;

  /** How long ago its last read of the change log had begun; `null` before the first. */
  @Column({ type: 'integer', name: 'tail_lag_ms', nullable: true })
  tailLagMs!: number | null;

  @Column('integer')
  connections!: number;

  /** Sessions that it has begun since it was started. */
  @Column({ type: 'bigint', default: 0 })
  created!: string;

  @Column({ type: 'bigint', default: 0 })
  ended!: string;

  /** Sessions that it has in memory. */
  @Column({ type: 'bigint', name: 'in_memory', default: 0 })
  inMemory!: string;
}
