import type { SettingsChange, SettingsOutcome, StoredSettings } from '../settings-store.js';
import type { SqlExecutor } from './sql-executor.js';
import type { Operation } from './statements/change.statements.js';
import {
  lockSettings,
  readAllSettings,
  readSettings,
  readSettingsByOperation,
  writeSettings,
} from './statements/setting.statements.js';

/**
 * A change of settings, inside a READ COMMITTED transaction: one at a time, so that what was checked against the settings
 * of others is true of them when it is stored.
 */
export async function changeSettingsInTransaction(
  sql: SqlExecutor,
  change: SettingsChange,
  operation: Operation,
  check: (stored: readonly StoredSettings[]) => void,
  isRepeated: boolean,
): Promise<SettingsOutcome> {
  await lockSettings(sql);
  const earlier = isRepeated ? await readSettingsByOperation(sql, operation.operationId) : undefined;
  if (earlier !== undefined) return { kind: 'changed', stored: earlier };
  const { tenantId, overVersion } = change;
  const stored = await (tenantId === null ? readAllSettings(sql) : readSettings(sql, tenantId));
  const present = stored.find((settings) => settings.tenantId === tenantId);
  const version = present?.version ?? 0;
  if (version !== overVersion) return { kind: 'conflict', version };
  check(stored);
  return { kind: 'changed', stored: await writeSettings(sql, change, present?.settings, operation) };
}
