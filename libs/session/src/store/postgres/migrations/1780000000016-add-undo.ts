import type { MigrationInterface, QueryRunner } from 'typeorm';
import { briefly } from './live-schema.js';

/** Which revocations can be undone, which were, and what came of it. In no index: found by id, or among a user's own. */
export class AddUndo1780000000016 implements MigrationInterface {
  name = 'AddUndo1780000000016';

  async up(queryRunner: QueryRunner): Promise<void> {
    await briefly(queryRunner, () =>
      queryRunner.query(`
        ALTER TABLE identity_session
          ADD COLUMN undoable boolean,
          ADD COLUMN undone_at timestamptz(3),
          ADD COLUMN undone_by text,
          ADD COLUMN restorable_until timestamptz(3),
          ADD COLUMN restored_as uuid,
          ADD COLUMN restored_from uuid`),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await briefly(queryRunner, () =>
      queryRunner.query(`
        ALTER TABLE identity_session
          DROP COLUMN undoable,
          DROP COLUMN undone_at,
          DROP COLUMN undone_by,
          DROP COLUMN restorable_until,
          DROP COLUMN restored_as,
          DROP COLUMN restored_from`),
    );
  }
}
