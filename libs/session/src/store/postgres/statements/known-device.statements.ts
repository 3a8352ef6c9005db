import type { DeviceType } from '../../../core/session.js';
import type { SqlExecutor } from '../sql-executor.js';

/** More than anybody has; the latest are compared. */
const MOST_DEVICES = 500;

/** What tells one device of a user from another. */
export interface KnownDevice {
  readonly deviceId: string | null;
  readonly deviceType: DeviceType;
  readonly userAgent: string | null;
}

interface DeviceRow {
  readonly device_id: string | null;
  readonly device_type: DeviceType;
  readonly user_agent: string | null;
}

/**
 * The devices of the user's sessions that were admitted before this one. Not of those that never became active or were begun
 * by somebody else as the user, and not of revoked ones: whoever was thrown out is nobody who is known.
 */
export async function readDevicesBefore(sql: SqlExecutor, sessionId: string): Promise<KnownDevice[]> {
  const rows = await sql.query<DeviceRow>(
    `SELECT s.device_id, s.device_type, s.user_agent
     FROM identity_session n JOIN identity_session s ON s.user_id = n.user_id AND s.tenant_id = n.tenant_id
     WHERE n.id = $1::uuid AND (s.created_at, s.sequence) < (n.created_at, n.sequence)
       AND s.pending IS NULL AND s.impersonator_id IS NULL AND s.status NOT IN ('revoked', 'rejected')
     GROUP BY 1, 2, 3 ORDER BY max(s.created_at) DESC LIMIT ${MOST_DEVICES}`,
    [sessionId],
  );
  return rows.map(({ device_id: deviceId, device_type: deviceType, user_agent: userAgent }) => ({
    deviceId,
    deviceType,
    userAgent,
  }));
}

/** Whether the log tells that a session waited for something before it became active. */
export async function wasPending(sql: SqlExecutor, sessionId: string): Promise<boolean> {
  const rows = await sql.query(
    `SELECT 1 FROM identity_session_event e
     WHERE e.session_id = $1::uuid AND e.type = 'activated' AND e.reason = 'completed' LIMIT 1`,
    [sessionId],
  );
  return rows.length > 0;
}
