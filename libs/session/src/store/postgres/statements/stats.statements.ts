import type { DeviceType } from '../../../core/session.js';
import { MOST_KINDS_COUNTED, type SessionCounts } from '../../session-statistics.js';
import type { SessionScope } from '../../session-store.js';
import type { SqlExecutor } from '../sql-executor.js';
import { NOT_CUT_OFF_AMONG_ALL } from './cut-off.fragments.js';
import { hasRunOut, LIVE, Parameters, scopeCondition } from './fragments.js';

type Pairs<K extends string> = readonly (readonly [K, number])[];

interface CountsRow {
  readonly live: number;
  readonly devices: Pairs<DeviceType>;
  readonly clients: Pairs<string>;
  readonly signed_in: number;
  readonly ended: Pairs<string>;
}

const LAST_DAY = `statement_timestamp() - interval '24 hours'`;
const NONE = `'[]'::jsonb`;

/** All counts of a scope, as of one moment: one scan of what lives, and one each of what was created and ended last. */
export async function readCounts(sql: SqlExecutor, scope: SessionScope): Promise<SessionCounts> {
  const parameters = new Parameters();
  const inScope = scopeCondition(scope, parameters);
  // No type of device as it is in an index: in its order, the rows would be fetched from all over the table.
  const pairs = (column: string, source: string): string => `COALESCE((
    SELECT jsonb_agg(jsonb_build_array(kind, n)) FROM (
      SELECT ${column} AS kind, sum(n)::float8 AS n FROM ${source} GROUP BY 1 ORDER BY 2 DESC LIMIT ${MOST_KINDS_COUNTED}
    ) counted), ${NONE})`;
  const [row] = await sql.query<CountsRow>(
    `WITH live AS MATERIALIZED (
       SELECT s.device_type || '' AS device_type, COALESCE(s.client_id, '') AS client, count(*) AS n FROM identity_session s
       WHERE ${LIVE} AND ${inScope} AND NOT ${hasRunOut('statement_timestamp()')} AND ${NOT_CUT_OFF_AMONG_ALL}
       GROUP BY 1, 2
     ),
     ended AS MATERIALIZED (
       SELECT COALESCE(s.end_reason, 'unspecified') AS reason, count(*) AS n FROM identity_session s
       WHERE s.ended_at > ${LAST_DAY} AND ${inScope} GROUP BY 1
     )
     SELECT COALESCE((SELECT sum(n) FROM live), 0)::float8 AS live,
       ${pairs('device_type', 'live')} AS devices, ${pairs('client', 'live')} AS clients,
       (SELECT count(*) FROM identity_session s WHERE s.created_at > ${LAST_DAY} AND ${inScope})::float8 AS signed_in,
       ${pairs('reason', 'ended')} AS ended`,
    parameters.values,
  );
  return {
    live: row?.live ?? 0,
    byDeviceType: byKind(row?.devices),
    byClient: byKind(row?.clients),
    signedInLast24h: row?.signed_in ?? 0,
    endedLast24h: byKind(row?.ended),
  };
}

function byKind<K extends string>(pairs: Pairs<K> = []): Readonly<Record<K, number>> {
  return Object.fromEntries(pairs) as Record<K, number>;
}
