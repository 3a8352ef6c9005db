// A table as an administrator of some years finds it: a fifth of the rows live, some tenants and clients large and some
// nearly empty, one user and one address with very many sessions, and what nobody has.

/** What the queries ask for. */
export const NAMES = {
  largeTenant: 'tenant-1',
  smallTenant: 'tenant-400',
  commonClient: 'web',
  rareClient: 'kiosk',
  busyUser: 'robot',
  plainUser: 'user-4242',
  crowdedAddress: '198.51.100.1',
  impersonator: 'support',
};

/** Fills the tables with `rows` sessions and what belongs to them, and has the database look at them. */
export async function seed(client, rows) {
  // Made at the end: a million random entries into each take ten times as long.
  const indexes = await client.query(
    `SELECT indexname AS name, indexdef AS definition FROM pg_indexes
     WHERE tablename IN ('identity_session', 'identity_session_event', 'identity_session_address')
       AND indexname NOT LIKE '%_pkey'`,
  );
  for (const { name } of indexes) await client.query(`DROP INDEX ${name}`);
  await client.query(
    `INSERT INTO identity_session (id, tenant_id, user_id, client_id, device_type, device_name, user_agent, initial_ip,
       last_ip, status, scope_keys, token_digest, rotation_salt, assurance, remember_me, created_at, authenticated_at,
       last_accessed_at, idle_timeout_ms, expires_at, due_at, ended_at, end_reason, ended_by, impersonator_tenant_id,
       impersonator_id)
     SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' ||
         substr(md5(n::text), 4, 15))::uuid,
       CASE WHEN n % 7 = 0 THEN '' WHEN n % 7 < 4 THEN 'tenant-1' ELSE 'tenant-' || 2 + n % 400 END,
       CASE WHEN n % 500 = 7 THEN 'robot' ELSE 'user-' || n % ($1 / 7) END,
       CASE WHEN n % 10 = 0 THEN NULL WHEN n % 50000 = 3 THEN 'kiosk' WHEN n % 10 < 7 THEN 'web' ELSE 'app' END,
       CASE WHEN n % 25000 = 11 THEN 'other' WHEN n % 10 < 6 THEN 'web' WHEN n % 10 < 9 THEN 'mobile' ELSE 'desktop' END,
       'Chrome on Windows', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36',
       ip, CASE WHEN n % 6 = 1 THEN '203.0.' || n % 250 || '.' || n / 250 % 250 ELSE ip END, status, ARRAY['subject'],
       decode(md5(n::text) || md5((-n)::text), 'hex'), decode(md5(n::text), 'hex'), 'aal1', false, at, at,
       CASE WHEN is_live THEN now() - n % 3600 * interval '1 second' ELSE at + interval '1 hour' END, 86400000,
       CASE WHEN is_live THEN now() ELSE at END + interval '30 days', CASE WHEN is_live THEN now() + interval '1 day' END,
       CASE WHEN NOT is_live THEN at + interval '1 day' END, CASE WHEN NOT is_live THEN 'over' END, NULL,
       CASE WHEN n % 5000 = 17 THEN '' END, CASE WHEN n % 5000 = 17 THEN 'support' END
     FROM (
       SELECT n, n % 5 = 2 OR n % 500 = 7 AS is_live,
         CASE WHEN n % 5 = 2 OR n % 500 = 7
              THEN CASE WHEN n % 5000 = 2 THEN 'suspended' WHEN n % 5000 = 12 THEN 'pending' ELSE 'active' END
              WHEN n % 10 < 5 THEN 'expired' WHEN n % 1000 = 16 THEN 'revoked' WHEN n % 10 < 9 THEN 'signed_out'
              ELSE 'evicted' END AS status,
         date_trunc('milliseconds', now() - (CASE WHEN n % 5 = 2 OR n % 500 = 7 THEN 20 ELSE 90 END) * interval '1 day' *
           (n::float8 / $1)) AS at,
         CASE WHEN n % 30 = 2 THEN '198.51.100.1' ELSE '10.' || n % 200 || '.' || n / 200 % 250 || '.' || n % 17 END AS ip
       FROM (SELECT (i * 7919) % $1 AS n FROM generate_series(1::bigint, $1::bigint) i) mixed
     ) made`,
    [rows],
  );
  await client.query(
    `INSERT INTO identity_session_address (session_id, ip, first_seen_at, last_seen_at)
     SELECT id, last_ip, created_at, last_accessed_at FROM identity_session WHERE last_ip <> initial_ip`,
  );
  await client.query(
    `INSERT INTO identity_session_event (at, type, session_id, version, tenant_id, user_id, reason, actor)
     SELECT created_at, 'created', id, 1, tenant_id, user_id, NULL, user_id FROM identity_session
     UNION ALL
     SELECT ended_at, status, id, 2, tenant_id, user_id, end_reason, NULL FROM identity_session
     WHERE ended_at IS NOT NULL`,
  );
  for (const { definition } of indexes) await client.query(definition);
  await client.query(
    `INSERT INTO identity_session_cut_off (tenant_id, user_id, not_before, reason, actor)
     SELECT NULL, 'user-' || n * 1009 + 2, now(), 'incident', 'admin' FROM generate_series(1, 100) n`,
  );
  await client.query(
    'VACUUM (ANALYZE) identity_session, identity_session_event, identity_session_address, identity_session_cut_off',
  );
}
