import type { MigrationInterface, QueryRunner } from 'typeorm';
import { briefly, dropIndex, ensureIndex, type IndexDefinition } from './live-schema.js';

/**
 * What the log tells of changes beside, and the way to all that has happened to a user. Each step may be repeated, so that
 * it can run outside of a transaction and be broken off anywhere.
 */
export class AddHistory1780000000017 implements MigrationInterface {
  name = 'AddHistory1780000000017';

  async up(queryRunner: QueryRunner): Promise<void> {
    await briefly(queryRunner, () =>
      queryRunner.query(`
        ALTER TABLE identity_session_event ADD COLUMN IF NOT EXISTS state jsonb, ADD COLUMN IF NOT EXISTS context jsonb`),
    );
    await ensureIndex(queryRunner, USER);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropIndex(queryRunner, USER);
    await briefly(queryRunner, () =>
      queryRunner.query(
        'ALTER TABLE identity_session_event DROP COLUMN IF EXISTS state, DROP COLUMN IF EXISTS context',
      ),
    );
  }
}

/** By the user first: an application may have no tenants. Settings, and cut-offs of more than a user, are not in it. */
const USER: IndexDefinition = {
  name: 'identity_session_event_user',
  table: 'identity_session_event',
  on: '(user_id, id) WHERE user_id IS NOT NULL',
};
