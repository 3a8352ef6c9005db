import { isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';

/** Where a simulated row says that its session has given its slot up: a record has no field for it. */
const SLOTLESS = 'slotless';

export function holdsSlot({ status, data }: SessionRecord): boolean {
  return isLive(status) && status !== 'pending' && data[SLOTLESS] !== true;
}

export function withoutSlot(record: SessionRecord): SessionRecord {
  return { ...record, data: { ...record.data, [SLOTLESS]: true } };
}

export function withSlot(record: SessionRecord): SessionRecord {
  const { [SLOTLESS]: _, ...data } = record.data;
  return { ...record, data };
}
