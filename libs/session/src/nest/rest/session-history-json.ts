import type { SessionIds } from '../session/session-ids.js';
import type { FieldChange, SessionHistoryEntry, UserHistoryEntry } from '../../store/session-history.js';

/** One change in the history of a session, in an answer: these keys, absent values `null`; the optional ones only where an entry has them. */
export interface SessionHistoryJson {
  /** Its number in the change log; `null` for a cut-off that nobody has written into the session's row yet. */
  readonly id: string | null;
  readonly type: string;
  readonly at: string;
  /** The version that the session has from then on. */
  readonly version: number | null;
  readonly reason: string | null;
  /** The user, or what part of the system, that did it. */
  readonly actor: string | null;
  /** What changed, field by field; times as ISO 8601. */
  readonly changes?: readonly FieldChange[];
  /** Where it came from: `rest`, `code`, `job`, `cleanup` and others. */
  readonly source?: string;
  /** The address of whoever made the change. */
  readonly ip?: string;
  readonly tags?: readonly string[];
  readonly idempotencyKey?: string;
}

/** One change in the history of a user: as of a session, and which. */
export interface UserHistoryJson extends SessionHistoryJson {
  /** `null` for a cut-off of the user. */
  readonly sessionId: string | null;
  readonly tenantId: string | null;
}

export function historyToJson(entry: SessionHistoryEntry, ids: Pick<SessionIds, 'encode'>): SessionHistoryJson {
  const { id, type, at, version, reason, actor, changes, source, ip, tags, idempotencyKey } = entry;
  return {
    ...{ id, type, at: new Date(at).toISOString(), version, reason, actor },
    ...(changes === undefined ? {} : { changes: changes.map((change) => changeToJson(change, ids)) }),
    ...(source === undefined ? {} : { source }),
    ...(ip === undefined ? {} : { ip }),
    ...(tags === undefined ? {} : { tags }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

export function userHistoryToJson(entry: UserHistoryEntry, ids: SessionIds): UserHistoryJson {
  const { sessionId, tenantId } = entry;
  return { ...historyToJson(entry, ids), sessionId: sessionId === null ? null : ids.encode(sessionId), tenantId };
}

const TIMES = ['authenticatedAt', 'expiresAt'];
const NAMES_A_SESSION = 'restoredFrom';

function changeToJson({ field, ...change }: FieldChange, ids: Pick<SessionIds, 'encode'>): FieldChange {
  if (TIMES.includes(field)) return { field, from: timeOf(change.from), to: timeOf(change.to) };
  if (field === NAMES_A_SESSION) return { field, from: idOf(change.from, ids), to: idOf(change.to, ids) };
  return { field, ...change };
}

function idOf(id: unknown, ids: Pick<SessionIds, 'encode'>): unknown {
  return typeof id === 'string' ? ids.encode(id) : id;
}

function timeOf(ms: unknown): unknown {
  return typeof ms === 'number' ? new Date(ms).toISOString() : ms;
}
