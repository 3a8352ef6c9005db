import type { MigrationInterface, QueryRunner } from 'typeorm';
import { briefly } from './live-schema.js';

/** Which live sessions count against limits, and what those wait for that are not active yet. */
export class AddStates1780000000011 implements MigrationInterface {
  name = 'AddStates1780000000011';

  async up(queryRunner: QueryRunner): Promise<void> {
    // A constant default is no row's to write. What nodes of the version before write is checked, since they would bring
    // back what holds no slot; what is there already holds one by the default, and need not be read for it.
    await briefly(queryRunner, () =>
      queryRunner.query(`
        ALTER TABLE identity_session
          ADD COLUMN IF NOT EXISTS holds_slot boolean NOT NULL DEFAULT true,
          ADD COLUMN IF NOT EXISTS pending jsonb,
          DROP CONSTRAINT IF EXISTS identity_session_active_holds_slot,
          ADD CONSTRAINT identity_session_active_holds_slot CHECK (holds_slot OR status <> 'active')
            NOT VALID`),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await briefly(queryRunner, () =>
      queryRunner.query(`
        ALTER TABLE identity_session
          DROP CONSTRAINT IF EXISTS identity_session_active_holds_slot,
          DROP COLUMN IF EXISTS holds_slot,
          DROP COLUMN IF EXISTS pending`),
    );
  }
}
