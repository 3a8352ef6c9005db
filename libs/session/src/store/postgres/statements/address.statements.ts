import {
  addressesOf,
  type AddressedSession,
  type SessionAddress,
  type SessionOrigins,
} from '../../session-addresses.js';
import type { SessionScope } from '../../session-store.js';
import type { SqlExecutor } from '../sql-executor.js';
import { Parameters, scopeCondition } from './fragments.js';

interface OriginsRow {
  readonly node_name: string | null;
  readonly session: AddressedSession;
  readonly addresses: readonly SessionAddress[];
}

const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

/** The addresses of one session in scope. */
export async function readOrigins(
  sql: SqlExecutor,
  scope: SessionScope,
  id: string,
): Promise<SessionOrigins | undefined> {
  const parameters = new Parameters();
  const where = `s.id = ${parameters.add(id, 'uuid')} AND ${scopeCondition(scope, parameters)}`;
  const [row] = await sql.query<OriginsRow>(
    `SELECT s.node_name,
       jsonb_build_object('initialIp', s.initial_ip, 'lastIp', s.last_ip, 'createdAt', ${ms('s.created_at')},
         'lastAccessedAt', ${ms('s.last_accessed_at')}) AS session,
       COALESCE((SELECT jsonb_agg(jsonb_build_object('ip', a.ip, 'firstSeenAt', ${ms('a.first_seen_at')},
           'lastSeenAt', ${ms('a.last_seen_at')}))
         FROM identity_session_address a WHERE a.session_id = s.id), '[]') AS addresses
     FROM identity_session s WHERE ${where}`,
    parameters.values,
  );
  return row && { nodeName: row.node_name, addresses: addressesOf(row.session, row.addresses) };
}
