import type { MigrationInterface, QueryRunner } from 'typeorm';
import { dropIndex, ensureIndex, type IndexDefinition, patiently } from './live-schema.js';

/**
 * The indexes of the administrators' searches and of the cleanup. On their own, since they take their time on a large
 * table: each step may be repeated, so that it can run outside of a transaction and be broken off anywhere.
 */
export class AddIndexes1780000000010 implements MigrationInterface {
  name = 'AddIndexes1780000000010';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const index of INDEXES) await ensureIndex(queryRunner, index);
    // What the first of the new ones finds as well.
    await dropIndex(queryRunner, SUBJECT);
    // A client has its types of device: taken for independent, what nobody has would be looked for among all. So few
    // values that the list holds every combination there is.
    await patiently(
      queryRunner,
      `CREATE STATISTICS IF NOT EXISTS identity_session_kinds (mcv)
         ON status, device_type, client_id FROM identity_session`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await patiently(queryRunner, 'DROP STATISTICS IF EXISTS identity_session_kinds');
    await ensureIndex(queryRunner, SUBJECT);
    for (const index of INDEXES) await dropIndex(queryRunner, index);
  }
}

const indexOf = (name: string, columns: string, where?: string): IndexDefinition => ({
  name: `identity_session_${name}`,
  table: 'identity_session',
  on: where === undefined ? `(${columns})` : `(${columns}) WHERE ${where}`,
});

const SUBJECT = indexOf('subject', 'user_id, created_at, id');

/**
 * Every search names a status, so that a page of any one condition is read in order from one place of an index, also of
 * what nobody has; what follows the id is for a second condition that few meet, told without a look at the rows. Prefixes
 * are found whatever the database's collation. Neither the last address nor the last access is
 * in any of them: touches stay HOT.
 */
const INDEXES: readonly IndexDefinition[] = [
  indexOf('user', 'user_id text_pattern_ops, status, created_at, id'),
  indexOf('status', 'status, created_at, id'),
  indexOf('tenant', 'tenant_id, status, created_at, id, device_type, client_id', `tenant_id <> ''`),
  indexOf('client', 'client_id, status, created_at, id, device_type', 'client_id IS NOT NULL'),
  indexOf('device_type', 'device_type, status, created_at, id'),
  indexOf('initial_ip', 'initial_ip text_pattern_ops, status, id', 'initial_ip IS NOT NULL'),
  indexOf('impersonator', 'impersonator_id, created_at, id', 'impersonator_id IS NOT NULL'),
  // By a column of its own: one that a touch writes must be in no index, not even in its condition.
  indexOf('unscrubbed', 'ended_at', 'ended_at IS NOT NULL AND scrubbed_at IS NULL'),
];
