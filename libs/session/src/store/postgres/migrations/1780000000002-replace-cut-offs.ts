import type { MigrationInterface, QueryRunner } from 'typeorm';
import { briefly } from './live-schema.js';

/**
 * Cut-offs whose scope says "any tenant", "no tenant" and "this tenant" apart. Takes the place of a table that nothing
 * had written to.
 */
export class ReplaceCutOffs1780000000002 implements MigrationInterface {
  name = 'ReplaceCutOffs1780000000002';

  async up(queryRunner: QueryRunner): Promise<void> {
    await briefly(queryRunner, () => this.#replace(queryRunner));
  }

  async #replace(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE identity_session_cut_off');
    // Generated, so that whoever writes a row by hand writes the key that it is found by. The length keeps tenant and
    // user apart. Analysed soon, since every statement about sessions looks into it.
    await queryRunner.query(`
      CREATE TABLE identity_session_cut_off (
        scope text NOT NULL GENERATED ALWAYS AS (
          CASE WHEN tenant_id IS NULL AND user_id IS NULL THEN '*'
               WHEN user_id IS NULL THEN 't' || tenant_id
               WHEN tenant_id IS NULL THEN 'u' || user_id
               ELSE 's' || length(tenant_id)::text || ':' || tenant_id || user_id END) STORED,
        tenant_id text,
        user_id text,
        not_before timestamptz(3) NOT NULL,
        version integer NOT NULL DEFAULT 1,
        reason text NOT NULL,
        actor text,
        CONSTRAINT identity_session_cut_off_pkey PRIMARY KEY (scope)
      ) WITH (autovacuum_analyze_threshold = 20, autovacuum_analyze_scale_factor = 0)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE identity_session_cut_off');
    await queryRunner.query(`
      CREATE TABLE identity_session_cut_off (
        tenant_id text NOT NULL,
        user_id text NOT NULL,
        not_before timestamptz(3) NOT NULL,
        version integer NOT NULL DEFAULT 1,
        reason text NOT NULL,
        actor text,
        at timestamptz(3) NOT NULL,
        CONSTRAINT identity_session_cut_off_pkey PRIMARY KEY (tenant_id, user_id)
      )`);
  }
}
