import type { SessionRecord } from '../../core/session.js';
import {
  fieldChanges,
  type HistoryPage,
  type SessionHistoryEntry,
  shownContext,
  type UserHistoryEntry,
} from '../session-history.js';
import type { InMemorySessionEvent } from './session-event.js';

type Log = readonly InMemorySessionEvent[];

/** A page of what the log has of a session, and of the cut-off that has ended it where that is not written yet. */
export function historyOf(
  session: SessionRecord,
  log: Log,
  isWritten: boolean,
  { limit, after }: HistoryPage,
): SessionHistoryEntry[] {
  const logged = log
    .filter(({ id, sessionId }) => sessionId === session.id && id > Number(after ?? 0))
    .slice(0, limit)
    .map((event) => entryOf(event, log));
  const { endedAt, endReason: reason, endedBy: actor } = session;
  const unwritten = isWritten ? [] : [{ id: null, type: 'cut_off', at: endedAt ?? 0, version: null, reason, actor }];
  return [...logged, ...unwritten].slice(0, limit);
}

/** A page of what the log has of a user, of what `isSeen`. */
export function userHistoryOf(
  userId: string,
  log: Log,
  isSeen: (event: InMemorySessionEvent) => boolean,
  { limit, after }: HistoryPage,
): UserHistoryEntry[] {
  return log
    .filter((event) => event.userId === userId && event.id > Number(after ?? 0) && isSeen(event))
    .slice(0, limit)
    .map((event) => {
      const { sessionId, tenantId } = event;
      return { ...entryOf(event, log), id: String(event.id), sessionId, tenantId };
    });
}

function entryOf(event: InMemorySessionEvent, log: Log): SessionHistoryEntry {
  const { id, type, at, version, reason, actor, keys, values, state: after = null, context = null } = event;
  const isEarlier = (other: InMemorySessionEvent): boolean =>
    other.sessionId === event.sessionId && other.id < id && other.state !== undefined;
  const before = log.findLast(isEarlier)?.state ?? null;
  const changes = fieldChanges({ type, before, after, keys, values });
  return { id: String(id), type, at, version, reason, actor, ...changes, ...shownContext(context) };
}
