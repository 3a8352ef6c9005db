import type { MigrationInterface, QueryRunner } from 'typeorm';
import { briefly } from './live-schema.js';

/** How often the data of a session was changed, apart from everything else that is; and the locks of applications. */
export class AddDataAndLocks1780000000012 implements MigrationInterface {
  name = 'AddDataAndLocks1780000000012';

  async up(queryRunner: QueryRunner): Promise<void> {
    // A constant by default, so that no row is written and nobody waits for longer than the lock takes.
    await briefly(queryRunner, () =>
      queryRunner.query('ALTER TABLE identity_session ADD COLUMN data_version integer NOT NULL DEFAULT 0'),
    );
    // Tokens of all keys come from one sequence: one that is forgotten and taken anew must not begin again.
    await queryRunner.query('CREATE SEQUENCE identity_session_lock_token');
    await queryRunner.query(`
      CREATE TABLE identity_session_lock (
        key text COLLATE "C" NOT NULL,
        holder uuid NOT NULL,
        token bigint NOT NULL,
        expires_at timestamptz(3) NOT NULL,
        CONSTRAINT identity_session_lock_pkey PRIMARY KEY (key)
      ) WITH (fillfactor = 50)`);
    await queryRunner.query('ALTER SEQUENCE identity_session_lock_token OWNED BY identity_session_lock.token');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE identity_session_lock');
    await briefly(queryRunner, () => queryRunner.query('ALTER TABLE identity_session DROP COLUMN data_version'));
  }
}
