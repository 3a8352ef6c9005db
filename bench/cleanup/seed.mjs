// A table as it is after months: many ended sessions, many live ones, and many that have run out unnoticed.

const AT_ONCE = 50_000;

/** Columns that are the same for all, and what `at` (when a session began) says about the others. */
const insert = (status, times, count) => `
  INSERT INTO identity_session (id, user_id, client_id, device_type, device_name, user_agent, initial_ip, last_ip, status,
    scope_keys, token_digest, rotation_salt, assurance, remember_me, created_at, authenticated_at, last_accessed_at,
    idle_timeout_ms, expires_at, due_at, ended_at, end_reason)
  SELECT gen_random_uuid(), 'user-' || (random() * 300000)::int, (ARRAY['web', 'app', NULL])[1 + n % 3],
    (ARRAY['web', 'mobile', 'desktop'])[1 + n % 3], 'Chrome on Windows',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/' || 120 + n % 20 || '.0.0.0',
    '203.0.' || n % 256 || '.' || n % 251, '203.0.' || n % 256 || '.' || n % 251, '${status}', ARRAY['subject'],
    decode(md5(n::text) || md5(random()::text), 'hex'), '\\x07070707070707070707070707070707', 'aal1', false, at, at,
    ${times}
  FROM (SELECT n, date_trunc('milliseconds', now() - random() * interval '80 days') AS far,
          date_trunc('milliseconds', now() - random() * interval '20 hours') AS near
        FROM generate_series(1, ${count}) AS n) drawn,
    LATERAL (SELECT ${status === 'active' ? 'drawn.near' : 'drawn.far'} AS at) begun`;

/** Used within the idle limit of a day. */
const LIVE = `at, 86400000, at + interval '30 days', at + interval '1 day', NULL, NULL`;
/** Over since yesterday, at the latest. */
const DUE = `at - interval '3 days', 86400000, at + interval '30 days', at - interval '2 days', NULL, NULL`;
const ENDED = `at, 86400000, at + interval '30 days', NULL, least(now(), at + random() * interval '2 days'),
  (ARRAY['signed_out', 'idle_timeout', 'limit_reached'])[1 + n % 3]`;

/** Fills the table; sessions that are checked are somebody else's to make. */
export async function seedTable(client, { live, due, ended }) {
  for (const [status, times, count] of [
    ['signed_out', ENDED, ended],
    ['active', LIVE, live],
    ['active', DUE, due],
  ]) {
    for (let done = 0; done < count; done += AT_ONCE) {
      await client.query(insert(status, times, Math.min(AT_ONCE, count - done)));
    }
  }
  await client.query('VACUUM ANALYZE identity_session');
}
