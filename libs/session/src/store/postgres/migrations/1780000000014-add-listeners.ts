import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How far durable listeners have come, and what they could not be told. */
export class AddListeners1780000000014 implements MigrationInterface {
  name = 'AddListeners1780000000014';

  async up(queryRunner: QueryRunner): Promise<void> {
    // Everything that "position" sees is done, and of what "target" sees beyond it all up to "after_id".
    await queryRunner.query(`
      CREATE TABLE identity_session_listener (
        name text NOT NULL,
        position text NOT NULL,
        position_at timestamptz(3) NOT NULL,
        target text,
        after_id bigint NOT NULL DEFAULT 0,
        last_xid xid8 NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        failing_since timestamptz(3),
        retry_at timestamptz(3),
        leased_by text,
        leased_until timestamptz(3),
        CONSTRAINT identity_session_listener_pkey PRIMARY KEY (name)
      )`);
    await queryRunner.query(`
      CREATE TABLE identity_session_dead_letter (
        id bigint GENERATED ALWAYS AS IDENTITY,
        listener text NOT NULL,
        event_id bigint NOT NULL,
        event jsonb NOT NULL,
        error text NOT NULL,
        attempts integer NOT NULL,
        at timestamptz(3) NOT NULL,
        CONSTRAINT identity_session_dead_letter_pkey PRIMARY KEY (id)
      )`);
    await queryRunner.query(
      'CREATE INDEX identity_session_dead_letter_listener ON identity_session_dead_letter (listener, id)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE identity_session_dead_letter, identity_session_listener');
  }
}
