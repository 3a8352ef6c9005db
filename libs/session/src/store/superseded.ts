import type { SessionRecord } from '../core/session.js';

/**
 * The pending ones of a subject's live sessions that leave no room for one more of `most`, the oldest first. Protected
 * ones make room for protected ones alone.
 */
export function supersededBy(most: number, live: readonly SessionRecord[], isProtected: boolean): SessionRecord[] {
  const waiting = live
    .filter((session) => session.status === 'pending' && (isProtected || !session.isProtected))
    .sort((a, b) => a.createdAt - b.createdAt || a.sequence - b.sequence);
  return waiting.slice(0, Math.max(0, waiting.length - (most - 1)));
}
