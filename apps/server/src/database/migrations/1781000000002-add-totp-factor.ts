import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Whether an account has a second factor is the account's, since every sign-in reads that; the secret is in a table that
 * only codes are checked against.
 */
export class AddTotpFactor1781000000002 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE account ADD COLUMN totp_enabled_at timestamptz`);
    await queryRunner.query(`
      CREATE TABLE totp_factor (
        id         uuid        NOT NULL PRIMARY KEY DEFAULT gen_random_uuid(),
        account_id uuid        NOT NULL REFERENCES account ON DELETE CASCADE,
        secret     bytea       NOT NULL,
        key_id     text,
        last_step  bigint      NOT NULL DEFAULT -1,
        created_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT totp_factor_account_unique UNIQUE (account_id)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE totp_factor`);
    await queryRunner.query(`ALTER TABLE account DROP COLUMN totp_enabled_at`);
  }
}
