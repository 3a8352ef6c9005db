import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who is connected to which node. */
export class AddConnections1780000000006 implements MigrationInterface {
  name = 'AddConnections1780000000006';

  async up(queryRunner: QueryRunner): Promise<void> {
    // Written all the time and worth nothing after a crash. Ids are compared by their bytes, so that a page and a prefix
    // are read from the key whatever the database's collation. What an active connection changes is in no index.
    await queryRunner.query(`
      CREATE UNLOGGED TABLE identity_session_connection (
        id text COLLATE "C" NOT NULL,
        node_id uuid NOT NULL,
        transport text NOT NULL,
        namespace text NOT NULL,
        address text,
        connected_at timestamptz(3) NOT NULL,
        last_active_at timestamptz(3) NOT NULL,
        session_id uuid,
        tenant_id text NOT NULL,
        user_id text,
        metadata jsonb NOT NULL,
        CONSTRAINT identity_session_connection_pkey PRIMARY KEY (id)
      ) WITH (fillfactor = 70)`);
    await queryRunner.query(
      'CREATE INDEX identity_session_connection_node ON identity_session_connection (node_id, id)',
    );
    await queryRunner.query(`
      CREATE INDEX identity_session_connection_session ON identity_session_connection (session_id)
      WHERE session_id IS NOT NULL`);
    await queryRunner.query(`
      CREATE INDEX identity_session_connection_user ON identity_session_connection (user_id, tenant_id)
      WHERE user_id IS NOT NULL`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE identity_session_connection');
  }
}
