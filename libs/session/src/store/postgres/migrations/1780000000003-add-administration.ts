import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who began a session as somebody else, and the indexes of the administrators' searches. */
export class AddAdministration1780000000003 implements MigrationInterface {
  name = 'AddAdministration1780000000003';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE identity_session
        ADD COLUMN impersonator_tenant_id text,
        ADD COLUMN impersonator_id text`);
    for (const { name, columns, where } of INDEXES) {
      const condition = where === undefined ? '' : ` WHERE ${where}`;
      await queryRunner.query(`CREATE INDEX identity_session_${name} ON identity_session (${columns})${condition}`);
    }
    // What the first of the new ones finds as well.
    await queryRunner.query('DROP INDEX identity_session_subject');
    // A client has its types of device: taken for independent, what nobody has would be looked for among all. So few
    // values that the list holds every combination there is.
    await queryRunner.query(`
      CREATE STATISTICS identity_session_kinds (mcv)
        ON status, device_type, client_id FROM identity_session`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP STATISTICS identity_session_kinds');
    await queryRunner.query('CREATE INDEX identity_session_subject ON identity_session (user_id, created_at, id)');
    for (const { name } of INDEXES) await queryRunner.query(`DROP INDEX identity_session_${name}`);
    await queryRunner.query(`
      ALTER TABLE identity_session
        DROP COLUMN impersonator_tenant_id,
        DROP COLUMN impersonator_id`);
  }
}

/**
 * Every search names a status, so that a page of any one condition is read in order from one place of an index, also of
 * what nobody has; what follows the id is for a second condition that few meet, told without a look at the rows. Prefixes
 * are found whatever the database's collation. Neither the last address nor the last access is
 * in any of them: touches stay HOT.
 */
const INDEXES: readonly { readonly name: string; readonly columns: string; readonly where?: string }[] = [
  { name: 'user', columns: 'user_id text_pattern_ops, status, created_at, id' },
  { name: 'status', columns: 'status, created_at, id' },
  { name: 'tenant', columns: 'tenant_id, status, created_at, id, device_type, client_id', where: `tenant_id <> ''` },
  { name: 'client', columns: 'client_id, status, created_at, id, device_type', where: 'client_id IS NOT NULL' },
  { name: 'device_type', columns: 'device_type, status, created_at, id' },
  { name: 'initial_ip', columns: 'initial_ip text_pattern_ops, status, id', where: 'initial_ip IS NOT NULL' },
  { name: 'impersonator', columns: 'impersonator_id, created_at, id', where: 'impersonator_id IS NOT NULL' },
];
