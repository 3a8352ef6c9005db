import type { MigrationInterface, QueryRunner } from 'typeorm';
import { briefly } from './live-schema.js';

/** How often the data of a session was changed, apart from everything else that is. */
export class AddData1780000000012 implements MigrationInterface {
  name = 'AddData1780000000012';

  async up(queryRunner: QueryRunner): Promise<void> {
    // A constant by default, so that no row is written and nobody waits for longer than the lock takes.
    await briefly(queryRunner, () =>
      queryRunner.query('ALTER TABLE identity_session ADD COLUMN data_version integer NOT NULL DEFAULT 0'),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await briefly(queryRunner, () => queryRunner.query('ALTER TABLE identity_session DROP COLUMN data_version'));
  }
}
