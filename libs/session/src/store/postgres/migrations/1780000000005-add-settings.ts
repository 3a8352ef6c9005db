import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What administrators change at run time: one row for everybody, and one for each tenant with settings of its own. */
export class AddSettings1780000000005 implements MigrationInterface {
  name = 'AddSettings1780000000005';

  async up(queryRunner: QueryRunner): Promise<void> {
    // Settings that were taken back leave an empty row: a version is never given twice. Analysed soon, since every
    // sign-in looks into it.
    await queryRunner.query(`
      CREATE TABLE identity_session_setting (
        scope text NOT NULL GENERATED ALWAYS AS (CASE WHEN tenant_id IS NULL THEN '*' ELSE 't' || tenant_id END) STORED,
        tenant_id text,
        version integer NOT NULL DEFAULT 1,
        format integer NOT NULL,
        settings jsonb,
        keeper text NOT NULL,
        changed_at timestamptz(3) NOT NULL,
        reason text NOT NULL,
        actor text,
        CONSTRAINT identity_session_setting_pkey PRIMARY KEY (scope)
      ) WITH (autovacuum_analyze_threshold = 20, autovacuum_analyze_scale_factor = 0)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE identity_session_setting');
  }
}
