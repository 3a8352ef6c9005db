import type { Database } from '../cluster/database.js';

/** Sessions that a job finds in one herd: many pages of it. */
const HERD = 3_000;

let made = 0;

/**
 * Many sessions of a client program, each of another user, made in the database: nobody signs in so often in so short a
 * time. Nobody has their tokens.
 */
export function makeHerd(database: Database, clientId: string, size = HERD): Promise<void> {
  return database.asAdmin(async (client) => {
    await client.query(
      `WITH moment AS (SELECT date_trunc('milliseconds', clock_timestamp()) AS at),
       made AS (
         INSERT INTO identity_session
           (id, user_id, client_id, device_type, status, scope_keys, token_digest, rotation_salt, assurance, remember_me,
            created_at, authenticated_at, last_accessed_at, idle_timeout_ms, expires_at, due_at)
         SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3)
                  || '8' || substr(md5($3 || n), 1, 15))::uuid,
                $3 || ' user ' || n, $1, 'desktop', 'active', ARRAY['subject', 'deviceType:desktop', 'client:' || $1],
                decode(md5($3 || n) || md5($3 || n), 'hex'), decode(md5(n || $3), 'hex'), 'aal1', false,
                at, at, at, 3600000, at + interval '1 hour', at + interval '1 hour'
         FROM moment, generate_series(1, $2::int) n
         RETURNING *
       )
       INSERT INTO identity_session_event (at, type, session_id, version, tenant_id, user_id)
       SELECT created_at, 'created', id, version, tenant_id, user_id FROM made`,
      [clientId, size, `herd ${(made += 1)}`],
    );
  });
}
