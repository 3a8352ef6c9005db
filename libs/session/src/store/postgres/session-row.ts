import type { SessionStatus } from '../../core/lifecycle.js';
import type { PendingSignIn } from '../../core/pending.js';
import type { AssuranceLevel, DeviceType, PreviousToken, SessionData, SessionRecord } from '../../core/session.js';
import { deepFrozen } from '../storable-data.js';
import { saltText } from '../rotation-salt.js';

const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;

/** How a session ended, if it did: the expressions of these columns. */
const columnsOf = (status: string, endedAt: string, endReason: string, endedBy: string): string => `
  s.id, s.sequence::float8 AS sequence, s.version, s.tenant_id, s.user_id, s.client_id, s.device_type, s.device_id,
  s.device_name, s.user_agent, s.initial_ip, s.last_ip, s.location, s.impersonator_tenant_id,
  s.impersonator_id, ${status} AS status, s.scope_keys, s.token_digest,
  s.token_generation, s.previous_token_digest, s.previous_assurance,
  ${ms('s.previous_authenticated_at')} AS previous_authenticated_at, s.previous_has_successor, s.rotation_salt,
  ${ms('s.rotated_at')} AS rotated_at, s.assurance, s.remember_me, s.is_protected, ${ms('s.created_at')} AS created_at,
  ${ms('s.authenticated_at')} AS authenticated_at, ${ms('s.last_accessed_at')} AS last_accessed_at,
  s.idle_timeout_ms::float8 AS idle_timeout_ms, ${ms('s.expires_at')} AS expires_at, ${ms(endedAt)} AS ended_at,
  ${endReason} AS end_reason, ${endedBy} AS ended_by, s.data, s.data_version, s.pending, s.restored_from`;

/** The columns of a record, for a row called `s` that a statement has just changed or knows not to be cut off. */
export const RECORD_COLUMNS = columnsOf('s.status', 's.ended_at', 's.end_reason', 's.ended_by');

/** The columns of a record as everybody sees it, for `s` with `CUT_OFF_JOIN`: what is cut off reads as revoked. */
export const EFFECTIVE_COLUMNS = columnsOf(
  `CASE WHEN cut.not_before IS NULL THEN s.status ELSE 'revoked' END`,
  'COALESCE(cut.not_before, s.ended_at)',
  'COALESCE(cut.reason, s.end_reason)',
  'CASE WHEN cut.not_before IS NULL THEN s.ended_by ELSE cut.actor END',
);

/** What the driver gives for either list. */
export interface SessionRow {
  readonly id: string;
  readonly sequence: number;
  readonly version: number;
  readonly tenant_id: string;
  readonly user_id: string;
  readonly client_id: string | null;
  readonly device_type: DeviceType;
  readonly device_id: string | null;
  readonly device_name: string | null;
  readonly user_agent: string | null;
  readonly initial_ip: string | null;
  readonly last_ip: string | null;
  readonly location: string | null;
  readonly impersonator_tenant_id: string | null;
  readonly impersonator_id: string | null;
  readonly status: SessionStatus;
  readonly scope_keys: readonly string[];
  readonly token_digest: Uint8Array;
  readonly token_generation: number;
  readonly previous_token_digest: Uint8Array | null;
  readonly previous_assurance: AssuranceLevel | null;
  readonly previous_authenticated_at: number | null;
  readonly previous_has_successor: boolean | null;
  readonly rotation_salt: Uint8Array;
  readonly rotated_at: number | null;
  readonly assurance: AssuranceLevel;
  readonly remember_me: boolean;
  readonly is_protected: boolean;
  readonly created_at: number;
  readonly authenticated_at: number;
  readonly last_accessed_at: number;
  readonly idle_timeout_ms: number;
  readonly expires_at: number;
  readonly ended_at: number | null;
  readonly end_reason: string | null;
  readonly ended_by: string | null;
  readonly data: SessionData;
  readonly data_version: number;
  readonly pending: PendingSignIn | null;
  readonly restored_from: string | null;
}

/** The record of a row. */
export function recordOf(row: SessionRow): SessionRecord {
  return {
    id: row.id,
    version: row.version,
    sequence: row.sequence,
    tenantId: tenantOf(row.tenant_id),
    userId: row.user_id,
    clientId: row.client_id,
    deviceType: row.device_type,
    deviceId: row.device_id,
    status: row.status,
    pending: row.pending,
    scopeKeys: row.scope_keys,
    tokenDigest: copyOf(row.token_digest),
    tokenGeneration: row.token_generation,
    previous: previousOf(row),
    rotationSalt: saltText(row.rotation_salt),
    rotatedAt: row.rotated_at,
    deviceName: row.device_name,
    userAgent: row.user_agent,
    initialIp: row.initial_ip,
    lastIp: row.last_ip,
    location: row.location,
    impersonator:
      row.impersonator_id === null
        ? null
        : { tenantId: tenantOf(row.impersonator_tenant_id ?? ''), userId: row.impersonator_id },
    rememberMe: row.remember_me,
    isProtected: row.is_protected,
    assurance: row.assurance,
    createdAt: row.created_at,
    authenticatedAt: row.authenticated_at,
    lastAccessedAt: row.last_accessed_at,
    idleTimeoutMs: row.idle_timeout_ms,
    expiresAt: row.expires_at,
    endedAt: row.ended_at,
    endReason: row.end_reason,
    endedBy: row.ended_by,
    restoredFrom: row.restored_from,
    data: deepFrozen(row.data),
    dataVersion: row.data_version,
  };
}

export function recordIfAny(row: SessionRow | undefined): SessionRecord | undefined {
  return row && recordOf(row);
}

/** A node of an earlier version may have rotated since: it empties the digest and leaves the rest. */
function previousOf(row: SessionRow): PreviousToken | null {
  const { previous_token_digest: digest, previous_assurance: assurance } = row;
  if (digest === null || assurance === null) return null;
  return {
    digest: copyOf(digest),
    assurance,
    authenticatedAt: row.previous_authenticated_at ?? row.authenticated_at,
    hasSuccessor: row.previous_has_successor ?? false,
  };
}

/** The driver's buffers are slices of large ones and would keep them alive in the cache. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes);
}

/** The tenant of a column. */
export function tenantOf(column: string): string | null {
  return column === '' ? null : column;
}

/** How "no tenant" is stored. */
export function tenantColumn(tenantId: string | null): string {
  return tenantId ?? '';
}
