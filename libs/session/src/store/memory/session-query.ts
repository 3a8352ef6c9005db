import { expiryOf } from '../../core/expiry.js';
import { isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import type { Page, SessionFilter, SessionScope } from '../session-store.js';

/** True where an actor of the scope may see and change the session. */
export function isInScope(scope: SessionScope, session: SessionRecord): boolean {
  switch (scope.kind) {
    case 'all':
      return true;
    case 'tenant':
      return session.tenantId === scope.tenantId;
    case 'user':
      return session.tenantId === scope.tenantId && session.userId === scope.userId;
  }
}

/** True where a live session's time is over. */
export function hasRunOut(session: SessionRecord, now: number): boolean {
  return isLive(session.status) && expiryOf(session, session.lastAccessedAt, now) !== 'none';
}

/** True where the session meets every condition of the filter, its scope included. */
export function matches(filter: SessionFilter, session: SessionRecord, now: number): boolean {
  const is = <T>(wanted: T | undefined, value: T): boolean => wanted === undefined || wanted === value;
  return (
    isInScope(filter.scope, session) &&
    filter.ids?.includes(session.id) !== false &&
    filter.exceptIds?.includes(session.id) !== true &&
    (filter.afterId === undefined || session.id > filter.afterId) &&
    is(filter.tenantId, session.tenantId) &&
    is(filter.userId, session.userId) &&
    is(filter.clientId, session.clientId) &&
    is(filter.deviceType, session.deviceType) &&
    hasStatus(filter.status, session, now)
  );
}

function hasStatus(wanted: SessionFilter['status'], session: SessionRecord, now: number): boolean {
  if (wanted === undefined) return true;
  if (wanted === 'live') return isLive(session.status) && !hasRunOut(session, now);
  return wanted === session.status && !(wanted === 'active' && hasRunOut(session, now));
}

/** The page of sessions by (creation, id). */
export function pageOf(sessions: readonly SessionRecord[], { limit, descending, after }: Page): SessionRecord[] {
  const direction = descending ? -1 : 1;
  return sessions
    .filter((session) => after === null || direction * byCreation(session, after) > 0)
    .sort((a, b) => direction * byCreation(a, b))
    .slice(0, limit);
}

type Key = Pick<SessionRecord, 'createdAt' | 'id'>;

function byCreation(a: Key, b: Key): number {
  return a.createdAt - b.createdAt || byId(a, b);
}

/** Ids sort by code unit, which is the order of their bytes. */
export function byId(a: Pick<Key, 'id'>, b: Pick<Key, 'id'>): number {
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}
