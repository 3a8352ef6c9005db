import type { MigrationInterface, QueryRunner } from 'typeorm';
import { briefly } from './live-schema.js';

/** Who began a session as somebody else. */
export class AddAdministration1780000000003 implements MigrationInterface {
  name = 'AddAdministration1780000000003';

  async up(queryRunner: QueryRunner): Promise<void> {
    await briefly(queryRunner, () =>
      queryRunner.query(`
        ALTER TABLE identity_session
          ADD COLUMN impersonator_tenant_id text,
          ADD COLUMN impersonator_id text`),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await briefly(queryRunner, () =>
      queryRunner.query(`
        ALTER TABLE identity_session
          DROP COLUMN impersonator_tenant_id,
          DROP COLUMN impersonator_id`),
    );
  }
}
