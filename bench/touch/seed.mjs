// Many sessions at once, as if each user had signed in.
import { randomUUID } from 'node:crypto';
import {
  digestToken,
  newSessionId,
  parseToken,
  systemTokenSource,
  TokenMint,
} from '../../libs/session/dist/esm/core/token.js';

const AT_ONCE = 5_000;
const BROWSERS = ['Chrome', 'Edg', 'OPR', 'Vivaldi', 'Firefox'];
const SYSTEMS = ['Windows NT 10.0; Win64; x64', 'Macintosh; Intel Mac OS X 10_15_7', 'X11; Linux x86_64'];

/** Some three hundred, as a day's log has them: many users have the same. */
const userAgent = (n) =>
  `Mozilla/5.0 (${SYSTEMS[n % 3]}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${120 + (n % 20)}.0.0.0 Safari/537.36 ` +
  `${BROWSERS[n % 5]}/${120 + (n % 20)}.0.0.0`;

/** Gives the tokens. All sessions are of one tenant, or of none, and of some three hundred user agents, or of one. */
export async function seedSessions(client, count, tenantId = '', agent = undefined) {
  const mint = new TokenMint([]);
  const tokens = [];
  for (let start = 0; start < count; start += AT_ONCE) {
    const rows = Array.from({ length: Math.min(AT_ONCE, count - start) }, (_, offset) => {
      const n = start + offset;
      const id = newSessionId(systemTokenSource, Date.now());
      const { token } = mint.mint(id, 0);
      return { id, token, digest: Buffer.from(digestToken(parseToken(token).body)), n };
    });
    await client.query(
      `INSERT INTO identity_session (id, user_id, tenant_id, device_type, device_name, user_agent, initial_ip, last_ip, status,
         scope_keys, token_digest, rotation_salt, assurance, remember_me, created_at, authenticated_at,
         last_accessed_at, idle_timeout_ms, expires_at, due_at)
       SELECT id, user_id, $7, 'web', 'Chrome on Windows', agent, ip, ip, 'active', ARRAY['subject:web'], digest, $6::bytea,
         'aal1', false, at, at, at, 86400000, at + interval '30 days', at + interval '1 day'
       FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[]) AS given (id, user_id, agent, ip, digest),
         (SELECT date_trunc('milliseconds', clock_timestamp() - interval '1 hour') AS at) moment`,
      [
        rows.map((row) => row.id),
        rows.map(() => randomUUID()),
        rows.map((row) => agent ?? userAgent(row.n)),
        rows.map(({ n }) => `203.0.${(n >> 8) % 256}.${n % 256}`),
        rows.map((row) => row.digest),
        Buffer.alloc(16, 7),
        tenantId,
      ],
    );
    tokens.push(...rows.map((row) => row.token));
  }
  await client.query('ANALYZE identity_session');
  return tokens;
}
