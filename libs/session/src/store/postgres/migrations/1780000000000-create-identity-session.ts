import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Sessions, the change log, cut-offs and open questions, in the shape that many nodes need. */
export class CreateIdentitySession1780000000000 implements MigrationInterface {
  name = 'CreateIdentitySession1780000000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    // Half of each page stays free: a batch touches all sessions of a page at once, and each new version must find room
    // on it, or it would write entries into every index.
    await queryRunner.query(`
      CREATE TABLE identity_session (
        id uuid NOT NULL,
        sequence bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
        version integer NOT NULL DEFAULT 1,
        tenant_id text NOT NULL DEFAULT '',
        user_id text NOT NULL,
        client_id text,
        device_type text NOT NULL,
        device_id text,
        device_name text,
        user_agent text,
        initial_ip text,
        last_ip text,
        location text,
        node_name text,
        status text NOT NULL,
        scope_keys text[] NOT NULL,
        token_digest bytea NOT NULL,
        token_generation integer NOT NULL DEFAULT 0,
        previous_token_digest bytea,
        rotation_salt bytea NOT NULL,
        rotated_at timestamptz(3),
        assurance text NOT NULL,
        remember_me boolean NOT NULL,
        created_at timestamptz(3) NOT NULL,
        authenticated_at timestamptz(3) NOT NULL,
        last_accessed_at timestamptz(3) NOT NULL,
        idle_timeout_ms bigint NOT NULL,
        expires_at timestamptz(3) NOT NULL,
        due_at timestamptz(3),
        ended_at timestamptz(3),
        end_reason text,
        ended_by text,
        data jsonb NOT NULL DEFAULT '{}',
        CONSTRAINT identity_session_data_is_object CHECK (jsonb_typeof(data) = 'object'),
        CONSTRAINT identity_session_pkey PRIMARY KEY (id)
      ) WITH (fillfactor = 50)`);
    for (const [name, columns, where] of [
      ['live_subject', 'tenant_id, user_id, created_at, id', LIVE],
      ['subject', 'user_id, created_at, id', null],
      ['created', 'created_at, id', null],
      ['live_created', 'created_at, id', LIVE],
      ['due', 'due_at', LIVE],
      ['ended', 'ended_at', 'ended_at IS NOT NULL'],
      ['device', 'user_id, device_id, created_at', 'device_id IS NOT NULL'],
    ] as const) {
      const condition = where === null ? '' : ` WHERE ${where}`;
      await queryRunner.query(`CREATE INDEX identity_session_${name} ON identity_session (${columns})${condition}`);
    }
    await queryRunner.query(`
      CREATE TABLE identity_session_event (
        id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
        xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        at timestamptz(3) NOT NULL,
        type text NOT NULL,
        session_id uuid,
        version integer,
        tenant_id text NOT NULL,
        user_id text,
        reason text,
        actor text,
        operation_id uuid,
        details jsonb,
        CONSTRAINT identity_session_event_pkey PRIMARY KEY (id)
      )`);
    await queryRunner.query('CREATE INDEX identity_session_event_xid ON identity_session_event (xid, id)');
    await queryRunner.query('CREATE INDEX identity_session_event_session ON identity_session_event (session_id, id)');
    await queryRunner.query('CREATE INDEX identity_session_event_at ON identity_session_event (at)');
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
    await queryRunner.query(`
      CREATE TABLE identity_session_question (
        ticket_digest bytea NOT NULL,
        tenant_id text NOT NULL,
        user_id text NOT NULL,
        expires_at timestamptz(3) NOT NULL,
        CONSTRAINT identity_session_question_pkey PRIMARY KEY (ticket_digest)
      )`);
    await queryRunner.query('CREATE INDEX identity_session_question_expiry ON identity_session_question (expires_at)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of ['question', 'cut_off', 'event']) {
      await queryRunner.query(`DROP TABLE identity_session_${table}`);
    }
    await queryRunner.query('DROP TABLE identity_session');
  }
}

const LIVE = `status IN ('pending', 'active', 'suspended')`;
