import type { SessionRecord } from '../../core/session.js';
import type { TouchBuffer } from '../../sync/touch-buffer.js';
import { Session } from './session.js';

/** The session of a stored record, with an access that this node knows of and the database has not got yet. */
export function withBufferedAccess(record: SessionRecord, touches: TouchBuffer): Session {
  const lastAccessedAt = Math.max(record.lastAccessedAt, touches.bufferedAccess(record.id));
  return new Session(record, { lastAccessedAt, lastIp: record.lastIp });
}
