import type { LoggedSettings, SettingsChange, StoredSettings } from '../../settings-store.js';
import { tenantColumn } from '../session-row.js';
import type { SqlExecutor } from '../sql-executor.js';
import type { Operation } from './change.statements.js';
import { MOMENT } from './fragments.js';
import { SETTINGS_JSON, settingsFor } from './setting.fragments.js';

/** Any number that nothing else in the database is likely to lock. */
const SETTINGS_LOCK = '7306915824173360142';

/** One change of settings at a time, until the transaction ends. */
export async function lockSettings(sql: SqlExecutor): Promise<void> {
  await sql.query('SELECT pg_advisory_xact_lock($1::bigint)', [SETTINGS_LOCK]);
}

/** What is stored for everybody and, with a tenant, for that. */
export async function readSettings(sql: SqlExecutor, tenantId: string | null): Promise<readonly StoredSettings[]> {
  const rows = await sql.query<{ settings: StoredSettings[] | null }>(
    `SELECT (${settingsFor('$1::text')}) AS settings`,
    [tenantColumn(tenantId)],
  );
  return rows[0]?.settings ?? [];
}

/** What is stored for everybody and for each tenant. */
export async function readAllSettings(sql: SqlExecutor): Promise<readonly StoredSettings[]> {
  const rows = await sql.query<{ settings: StoredSettings }>(
    `SELECT ${SETTINGS_JSON} AS settings FROM identity_session_setting c ORDER BY c.tenant_id NULLS FIRST`,
  );
  return rows.map((row) => row.settings);
}

/** Stores settings in place of those that there are, or takes them back, and logs both. */
export async function writeSettings(
  sql: SqlExecutor,
  change: SettingsChange,
  before: unknown,
  operation: Operation,
): Promise<StoredSettings> {
  const rows = await sql.query<{ settings: StoredSettings }>(
    `WITH ${MOMENT},
     changed AS (
       INSERT INTO identity_session_setting AS c (tenant_id, format, settings, keeper, changed_at, reason, actor)
       SELECT $1::text, $2::integer, $3::jsonb, $4::text, moment.at, $5::text, $6::text FROM moment
       ON CONFLICT (scope) DO UPDATE SET version = c.version + 1, format = excluded.format, settings = excluded.settings,
         keeper = excluded.keeper, changed_at = excluded.changed_at, reason = excluded.reason, actor = excluded.actor
       RETURNING c.*
     ),
     logged AS (
       INSERT INTO identity_session_event (at, type, version, tenant_id, reason, actor, operation_id, details)
       SELECT c.changed_at, 'settings_changed', c.version, COALESCE(c.tenant_id, ''), c.reason, c.actor, $7::uuid,
         jsonb_build_object('before', $8::jsonb, 'after', c.settings, 'stored', ${SETTINGS_JSON})
       FROM changed c
     )
     SELECT ${SETTINGS_JSON} AS settings FROM changed c`,
    [
      change.tenantId,
      change.format,
      jsonOf(change.settings),
      change.keeper,
      operation.reason,
      operation.by,
      operation.operationId,
      jsonOf(before),
    ],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('The database has stored no settings.');
  return row.settings;
}

/** What an earlier attempt of the operation has stored; retries come within seconds. */
export async function readSettingsByOperation(
  sql: SqlExecutor,
  operationId: string,
): Promise<StoredSettings | undefined> {
  const rows = await sql.query<{ settings: StoredSettings }>(
    `SELECT e.details -> 'stored' AS settings FROM identity_session_event e
     WHERE e.session_id IS NULL AND e.operation_id = $1::uuid AND e.type = 'settings_changed'`,
    [operationId],
  );
  return rows[0]?.settings;
}

/** The latest changes, newest first. Few rows of the log are about no session, and an index finds them. */
export async function readSettingsHistory(
  sql: SqlExecutor,
  tenantId: string | null,
  limit: number,
): Promise<LoggedSettings[]> {
  const rows = await sql.query<{ change: LoggedSettings }>(
    `SELECT jsonb_build_object('tenantId', NULLIF(e.tenant_id, ''), 'version', e.version, 'reason', e.reason,
       'at', (extract(epoch FROM e.at) * 1000)::float8, 'by', e.actor, 'before', e.details -> 'before',
       'after', e.details -> 'after') AS change
     FROM identity_session_event e
     WHERE e.session_id IS NULL AND e.type = 'settings_changed' AND e.tenant_id = $1::text
     ORDER BY e.id DESC LIMIT $2::integer`,
    [tenantColumn(tenantId), limit],
  );
  return rows.map((row) => row.change);
}

function jsonOf(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}
