import type { SessionRecord } from '../core/session.js';

/** The pending ones of a subject's live sessions that leave no room for one more of `most`, the oldest first. */
export function supersededBy(most: number, live: readonly SessionRecord[]): SessionRecord[] {
  const waiting = live
    .filter(({ status }) => status === 'pending')
    .sort((a, b) => a.createdAt - b.createdAt || a.sequence - b.sequence);
  return waiting.slice(0, Math.max(0, waiting.length - (most - 1)));
}
