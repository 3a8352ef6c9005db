import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is done to many sessions, page by page, by whichever node is there. */
export class AddJobs1780000000013 implements MigrationInterface {
  name = 'AddJobs1780000000013';

  async up(queryRunner: QueryRunner): Promise<void> {
    // A job is written with each page of it: room for the next version is kept in each page of the table.
    await queryRunner.query(`
      CREATE TABLE identity_session_job (
        id uuid NOT NULL,
        kind text NOT NULL,
        filter jsonb NOT NULL,
        scope jsonb NOT NULL,
        scope_parts text[] NOT NULL,
        reason text NOT NULL,
        asked_by text,
        max integer,
        status text NOT NULL,
        matched integer NOT NULL,
        changed integer NOT NULL DEFAULT 0,
        skipped integer NOT NULL DEFAULT 0,
        last_id uuid,
        approved_by text,
        approved_at timestamptz(3),
        cancelled_by text,
        claim uuid,
        node text,
        heartbeat_at timestamptz(3),
        attempts integer NOT NULL DEFAULT 0,
        created_at timestamptz(3) NOT NULL,
        started_at timestamptz(3),
        finished_at timestamptz(3),
        error text,
        CONSTRAINT identity_session_job_pkey PRIMARY KEY (id)
      ) WITH (fillfactor = 50)`);
    // Every node asks every few seconds whether there is something to do.
    await queryRunner.query(`
      CREATE INDEX identity_session_job_open ON identity_session_job (created_at)
      WHERE status IN ('running', 'awaiting_approval')`);
    await queryRunner.query('CREATE INDEX identity_session_job_created ON identity_session_job (created_at, id)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE identity_session_job');
  }
}
