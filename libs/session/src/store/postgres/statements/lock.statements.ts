import type { SqlExecutor } from '../sql-executor.js';
import { COUNT, countOf, type Counted } from './row-count.js';
import { MY_TURN, turnAt } from './turn.fragments.js';

const NOW = `date_trunc('milliseconds', clock_timestamp())`;
const UNTIL = `${NOW} + $3::bigint * interval '1 millisecond'`;

/**
 * Takes a lock that is free, or that the holder has already: an earlier attempt may have lost its answer. Who finds it
 * taken writes nothing. The row stays when a lock is given back, so that whoever waits for it cannot insert it with a
 * token from before.
 */
export async function acquireLock(
  sql: SqlExecutor,
  key: string,
  holder: string,
  leaseMs: number,
): Promise<number | undefined> {
  const rows = await sql.query<{ token: number }>(
    `INSERT INTO identity_session_lock AS l (key, holder, token, expires_at)
     SELECT $1::text, $2::uuid, nextval('identity_session_lock_token'), ${UNTIL}
     WHERE NOT EXISTS (SELECT FROM identity_session_lock held
                       WHERE held.key = $1::text AND held.holder <> $2::uuid AND held.expires_at > ${NOW})
     ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, expires_at = ${UNTIL},
       token = CASE WHEN l.holder = excluded.holder AND l.expires_at > ${NOW} THEN l.token
                    ELSE nextval('identity_session_lock_token') END
     WHERE l.holder = excluded.holder OR l.expires_at <= ${NOW}
     RETURNING l.token::float8 AS token`,
    [key, holder, leaseMs],
  );
  return rows[0]?.token;
}

export async function renewLock(sql: SqlExecutor, key: string, holder: string, leaseMs: number): Promise<boolean> {
  const rows = await sql.query(
    `UPDATE identity_session_lock l SET expires_at = ${UNTIL}
     WHERE l.key = $1::text AND l.holder = $2::uuid AND l.expires_at > ${NOW}
     RETURNING true AS renewed`,
    [key, holder, leaseMs],
  );
  return rows.length > 0;
}

export async function releaseLock(sql: SqlExecutor, key: string, holder: string): Promise<void> {
  await sql.query(
    `UPDATE identity_session_lock l SET expires_at = LEAST(l.expires_at, ${NOW})
     WHERE l.key = $1::text AND l.holder = $2::uuid`,
    [key, holder],
  );
}

/** Longer than any attempt to take a lock can be on its way. */
export async function deleteOldLocks(sql: SqlExecutor, limit: number): Promise<number> {
  return countOf(
    await sql.query<Counted>(
      `WITH ${turnAt('locks')},
       old AS MATERIALIZED (
         SELECT l.key FROM identity_session_lock l
         WHERE ${MY_TURN} AND l.expires_at < statement_timestamp() - interval '1 hour'
         LIMIT $1::int FOR UPDATE SKIP LOCKED
       ),
       changed AS (DELETE FROM identity_session_lock l USING old WHERE l.key = old.key RETURNING l.key)
       ${COUNT}`,
      [limit],
    ),
  );
}
