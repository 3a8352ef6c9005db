import type { MigrationInterface, QueryRunner } from 'typeorm';
import { briefly } from './live-schema.js';

/** What each node has done with sessions, for whoever asks any of them. */
export class AddNodeCounts1780000000018 implements MigrationInterface {
  name = 'AddNodeCounts1780000000018';

  async up(queryRunner: QueryRunner): Promise<void> {
    await briefly(queryRunner, () =>
      queryRunner.query(`
        ALTER TABLE identity_session_node
          ADD COLUMN IF NOT EXISTS created bigint NOT NULL DEFAULT 0,
          ADD COLUMN IF NOT EXISTS ended bigint NOT NULL DEFAULT 0,
          ADD COLUMN IF NOT EXISTS in_memory bigint NOT NULL DEFAULT 0`),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await briefly(queryRunner, () =>
      queryRunner.query(`
        ALTER TABLE identity_session_node
          DROP COLUMN IF EXISTS created, DROP COLUMN IF EXISTS ended, DROP COLUMN IF EXISTS in_memory`),
    );
  }
}
