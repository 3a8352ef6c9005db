import type { MigrationInterface, QueryRunner } from 'typeorm';
import { briefly } from './live-schema.js';

/** The addresses of a session over time, which nodes there are, and what the cleanup has done. */
export class AddCleanup1780000000004 implements MigrationInterface {
  name = 'AddCleanup1780000000004';

  async up(queryRunner: QueryRunner): Promise<void> {
    await briefly(queryRunner, () => this.#add(queryRunner));
  }

  async #add(queryRunner: QueryRunner): Promise<void> {
    // Goes with its session, so that whoever deletes a user's rows by hand leaves no address behind. Prefixes are asked
    // for, whatever the database's collation.
    await queryRunner.query(`
      CREATE TABLE identity_session_address (
        session_id uuid NOT NULL,
        ip text NOT NULL,
        first_seen_at timestamptz(3) NOT NULL,
        last_seen_at timestamptz(3) NOT NULL,
        CONSTRAINT identity_session_address_pkey PRIMARY KEY (session_id, ip),
        CONSTRAINT identity_session_address_session FOREIGN KEY (session_id)
          REFERENCES identity_session (id) ON DELETE CASCADE
      )`);
    await queryRunner.query(
      'CREATE INDEX identity_session_address_ip ON identity_session_address (ip text_pattern_ops, session_id)',
    );
    // Written all the time and worth nothing after a crash.
    await queryRunner.query(`
      CREATE UNLOGGED TABLE identity_session_node (
        id uuid NOT NULL,
        name text NOT NULL,
        started_at timestamptz(3) NOT NULL,
        seen_at timestamptz(3) NOT NULL,
        tail_lag_ms integer,
        connections integer NOT NULL,
        CONSTRAINT identity_session_node_pkey PRIMARY KEY (id)
      ) WITH (fillfactor = 50)`);
    // One row: what all nodes together have done.
    await queryRunner.query(`
      CREATE TABLE identity_session_cleanup (
        id integer NOT NULL DEFAULT 1,
        last_run_at timestamptz(3),
        walked_at timestamptz(3),
        ended bigint NOT NULL DEFAULT 0,
        removed bigint NOT NULL DEFAULT 0,
        scrubbed bigint NOT NULL DEFAULT 0,
        CONSTRAINT identity_session_cleanup_is_one CHECK (id = 1),
        CONSTRAINT identity_session_cleanup_pkey PRIMARY KEY (id)
      ) WITH (fillfactor = 50)`);
    await queryRunner.query('INSERT INTO identity_session_cleanup DEFAULT VALUES');
    // By a column of its own: one that a touch writes must be in no index, not even in its condition.
    await queryRunner.query('ALTER TABLE identity_session ADD COLUMN scrubbed_at timestamptz(3)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await briefly(queryRunner, async () => {
      await queryRunner.query('ALTER TABLE identity_session DROP COLUMN scrubbed_at');
      for (const table of ['cleanup', 'node', 'address']) {
        await queryRunner.query(`DROP TABLE identity_session_${table}`);
      }
    });
  }
}
