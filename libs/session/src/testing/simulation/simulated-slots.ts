import { isLive } from '../../core/lifecycle.js';
import type { SessionData, SessionRecord } from '../../core/session.js';
import { changedKeys } from '../../store/session-data.js';

/** Where a simulated row says that its session has given its slot up: a record has no field for it. */
const SLOTLESS = 'slotless';

export function holdsSlot({ status, data }: SessionRecord): boolean {
  return isLive(status) && status !== 'pending' && data[SLOTLESS] !== true;
}

/** New data in place of that of a row, which stays as it is otherwise. */
export function withData(record: SessionRecord, given: SessionData): SessionData {
  const { [SLOTLESS]: _, ...data } = given;
  return SLOTLESS in record.data ? { ...data, [SLOTLESS]: record.data[SLOTLESS] } : data;
}

/** What applications have changed. */
export function changedMembers(before: SessionRecord, after: SessionRecord): string[] {
  return changedKeys(before.data, after.data).filter((name) => name !== SLOTLESS);
}

export function withoutSlot(record: SessionRecord): SessionRecord {
  return { ...record, data: { ...record.data, [SLOTLESS]: true } };
}

export function withSlot(record: SessionRecord): SessionRecord {
  const { [SLOTLESS]: _, ...data } = record.data;
  return { ...record, data };
}
