import type { MigrationInterface, QueryRunner } from 'typeorm';
import { briefly } from './live-schema.js';

/** What the previous token of a session is still good for: its level, its freshness, and whether it has a successor. */
export class AddPreviousToken1780000000001 implements MigrationInterface {
  name = 'AddPreviousToken1780000000001';

  async up(queryRunner: QueryRunner): Promise<void> {
    // Empty by default, so that no row is written and nobody waits for longer than the lock takes.
    await briefly(queryRunner, () =>
      queryRunner.query(`
        ALTER TABLE identity_session
          ADD COLUMN previous_assurance text,
          ADD COLUMN previous_authenticated_at timestamptz(3),
          ADD COLUMN previous_has_successor boolean`),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await briefly(queryRunner, () =>
      queryRunner.query(`
        ALTER TABLE identity_session
          DROP COLUMN previous_assurance,
          DROP COLUMN previous_authenticated_at,
          DROP COLUMN previous_has_successor`),
    );
  }
}
