import type { SessionRecord } from '../../core/session.js';
import type { HistoryPage, SessionHistoryEntry } from '../session-store.js';
import type { InMemorySessionEvent } from './session-event.js';

/** A page of what the log has of a session, and of the cut-off that has ended it where that is not written yet. */
export function historyOf(
  session: SessionRecord,
  log: readonly InMemorySessionEvent[],
  isWritten: boolean,
  { limit, after }: HistoryPage,
): SessionHistoryEntry[] {
  const logged = log
    .filter(({ id, sessionId }) => sessionId === session.id && id > Number(after ?? 0))
    .map(({ id, type, at, version, reason, actor }) => ({ id: String(id), type, at, version, reason, actor }));
  const { endedAt, endReason: reason, endedBy: actor } = session;
  const unwritten = isWritten ? [] : [{ id: null, type: 'cut_off', at: endedAt ?? 0, version: null, reason, actor }];
  return [...logged, ...unwritten].slice(0, limit);
}
