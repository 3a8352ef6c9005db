import type { MigrationInterface, QueryRunner } from 'typeorm';
import { briefly } from './live-schema.js';

/** Which live sessions count against limits, and what those wait for that are not active yet. */
export class AddStates1780000000011 implements MigrationInterface {
  name = 'AddStates1780000000011';

  async up(queryRunner: QueryRunner): Promise<void> {
    // A constant default is no row's to write.
    await briefly(queryRunner, () =>
      queryRunner.query(`
        ALTER TABLE identity_session
          ADD COLUMN IF NOT EXISTS holds_slot boolean NOT NULL DEFAULT true,
          ADD COLUMN IF NOT EXISTS pending jsonb`),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await briefly(queryRunner, () =>
      queryRunner.query(`
        ALTER TABLE identity_session
          DROP COLUMN IF EXISTS holds_slot,
          DROP COLUMN IF EXISTS pending`),
    );
  }
}
