import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The table of `RateLimiterPostgres`, with its columns in its order. Made here, because two nodes that make it while
 * they start can fail. Unlogged: losing the counts of a quarter of an hour in a crash is no loss.
 */
export class CreateSignInFailure1781000000001 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE UNLOGGED TABLE sign_in_failure (
        key    varchar(255) NOT NULL PRIMARY KEY,
        points integer      NOT NULL DEFAULT 0,
        expire bigint
      )`);
    await queryRunner.query(`CREATE INDEX sign_in_failure_expire ON sign_in_failure (expire)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE sign_in_failure`);
  }
}
