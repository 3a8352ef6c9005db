import type { MigrationInterface, QueryRunner } from 'typeorm';
import { briefly, dropIndex, ensureIndex, type IndexDefinition } from './live-schema.js';

/**
 * Sessions that only a right of its own ends, and up to when cut-offs have included them. Each step may be repeated, so
 * that it can run outside of a transaction, where reads and writes go on while the index is built.
 */
export class AddProtection1780000000015 implements MigrationInterface {
  name = 'AddProtection1780000000015';

  async up(queryRunner: QueryRunner): Promise<void> {
    // A constant default is no row's to write.
    await briefly(queryRunner, () =>
      queryRunner.query(
        `ALTER TABLE identity_session ADD COLUMN IF NOT EXISTS is_protected boolean NOT NULL DEFAULT false`,
      ),
    );
    await briefly(queryRunner, () =>
      queryRunner.query(`
        ALTER TABLE identity_session_cut_off
          ADD COLUMN IF NOT EXISTS protected_not_before timestamptz(3),
          ADD COLUMN IF NOT EXISTS protected_reason text,
          ADD COLUMN IF NOT EXISTS protected_actor text`),
    );
    await ensureIndex(queryRunner, PROTECTED);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropIndex(queryRunner, PROTECTED);
    await briefly(queryRunner, () =>
      queryRunner.query(`
        ALTER TABLE identity_session_cut_off
          DROP COLUMN IF EXISTS protected_not_before,
          DROP COLUMN IF EXISTS protected_reason,
          DROP COLUMN IF EXISTS protected_actor`),
    );
    await briefly(queryRunner, () =>
      queryRunner.query('ALTER TABLE identity_session DROP COLUMN IF EXISTS is_protected'),
    );
  }
}

/** Nearly always empty: where the first of those begins that a cut-off of everybody may have spared. */
const PROTECTED: IndexDefinition = {
  name: 'identity_session_protected',
  table: 'identity_session',
  on: `(created_at) WHERE is_protected AND status IN ('pending', 'active', 'suspended')`,
};
