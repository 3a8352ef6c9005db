import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where socket.io's adapter leaves what is too long for NOTIFY, for half a minute. */
export class AddSocketAttachments1780000000007 implements MigrationInterface {
  name = 'AddSocketAttachments1780000000007';

  async up(queryRunner: QueryRunner): Promise<void> {
    // As the adapter asks for it. Unlogged: after a crash nobody waits for what was in it.
    await queryRunner.query(`
      CREATE UNLOGGED TABLE identity_session_socket_attachment (
        id bigint GENERATED ALWAYS AS IDENTITY,
        created_at timestamptz NOT NULL DEFAULT now(),
        payload bytea NOT NULL,
        CONSTRAINT identity_session_socket_attachment_pkey PRIMARY KEY (id)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE identity_session_socket_attachment');
  }
}
