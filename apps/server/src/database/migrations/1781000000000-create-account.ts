import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateAccount1781000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE account (
        id            uuid        NOT NULL PRIMARY KEY DEFAULT gen_random_uuid(),
        email         text        NOT NULL,
        email_key     text        NOT NULL,
        password_hash text        NOT NULL,
        role          text        NOT NULL DEFAULT 'user',
        tenant_id     text,
        disabled_at   timestamptz,
        created_at    timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT account_email_key_unique UNIQUE (email_key),
        CONSTRAINT account_role_known CHECK (role IN ('user', 'tenant-admin', 'admin')),
        CONSTRAINT account_tenant_admin_has_tenant CHECK (role <> 'tenant-admin' OR tenant_id IS NOT NULL)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE account`);
  }
}
