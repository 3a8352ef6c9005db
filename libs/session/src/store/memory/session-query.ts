import { expiryOf } from '../../core/expiry.js';
import { isLive } from '../../core/lifecycle.js';
import type { SessionRecord, SessionSubject } from '../../core/session.js';
import { unknownScope } from '../session-scope.js';
import type { Page, SessionFilter, SessionScope } from '../session-store.js';

/** True where an actor of the scope may see and change the session. */
export function isInScope(
  scope: SessionScope,
  session: Pick<SessionRecord, 'tenantId' | 'userId' | 'impersonator'>,
): boolean {
  switch (scope.kind) {
    case 'all':
      return true;
    case 'tenant':
      return session.tenantId === scope.tenantId;
    case 'user':
      return isSubject(scope, session);
    case 'users':
      return scope.users.some((user) => isSubject(user, session));
    case 'impersonator':
      return session.impersonator !== null && isSubject(scope, session.impersonator);
    case 'any':
      return scope.of.some((part) => isInScope(part, session));
    default:
      throw unknownScope(scope);
  }
}

function isSubject(wanted: SessionSubject, { tenantId, userId }: SessionSubject): boolean {
  return wanted.tenantId === tenantId && wanted.userId === userId;
}

/** True where a live session's time is over. */
export function hasRunOut(session: SessionRecord, now: number): boolean {
  return isLive(session.status) && expiryOf(session, session.lastAccessedAt, now) !== 'none';
}

/** True but for protected sessions that the filter spares. */
function isWithProtection({ protectedWithin }: SessionFilter, session: SessionRecord): boolean {
  if (!session.isProtected || protectedWithin === undefined) return true;
  return protectedWithin !== null && isInScope(protectedWithin, session);
}

/** True where the session meets every condition of the filter, its scope included. */
export function matches(filter: SessionFilter, session: SessionRecord, now: number): boolean {
  const is = <T>(wanted: T | undefined, value: T): boolean => wanted === undefined || wanted === value;
  return (
    isInScope(filter.scope, session) &&
    isWithProtection(filter, session) &&
    filter.ids?.includes(session.id) !== false &&
    filter.exceptIds?.includes(session.id) !== true &&
    (filter.afterId === undefined || session.id > filter.afterId) &&
    (filter.createdUntil === undefined || session.createdAt <= filter.createdUntil) &&
    is(filter.tenantId, session.tenantId) &&
    is(filter.userId, session.userId) &&
    is(filter.clientId, session.clientId) &&
    is(filter.deviceType, session.deviceType) &&
    (filter.ip === undefined || [session.initialIp, session.lastIp].includes(filter.ip)) &&
    (filter.q === undefined || beginsWith(filter.q, session)) &&
    hasStatus(filter.status, session, now)
  );
}

function beginsWith(prefix: string, { id, userId, initialIp, lastIp }: SessionRecord): boolean {
  return [id, userId, initialIp, lastIp].some((text) => text?.startsWith(prefix) === true);
}

function hasStatus(wanted: SessionFilter['status'], session: SessionRecord, now: number): boolean {
  if (wanted === undefined) return true;
  if (wanted === 'unended') return isLive(session.status);
  if (wanted === 'live') return isLive(session.status) && !hasRunOut(session, now);
  return wanted === session.status && !(wanted === 'active' && hasRunOut(session, now));
}

/** The page of sessions by (creation or last access, id). */
export function pageOf(sessions: readonly SessionRecord[], page: Page): SessionRecord[] {
  const direction = page.descending ? -1 : 1;
  const compare = (a: Key, b: Key): number => direction * (a.at - b.at || byId(a, b));
  const keyOf = (session: SessionRecord): Key =>
    page.sort === 'lastAccessedAt'
      ? { at: session.lastAccessedAt, id: session.id }
      : { at: session.createdAt, id: session.id };
  const after = afterOf(page);
  return sessions
    .filter((session) => after === null || compare(keyOf(session), after) > 0)
    .sort((a, b) => compare(keyOf(a), keyOf(b)))
    .slice(0, page.limit);
}

interface Key {
  readonly at: number;
  readonly id: string;
}

function afterOf(page: Page): Key | null {
  if (page.after === null) return null;
  return { at: page.sort === 'lastAccessedAt' ? page.after.lastAccessedAt : page.after.createdAt, id: page.after.id };
}

/** Ids sort by code unit, which is the order of their bytes. */
export function byId(a: Pick<Key, 'id'>, b: Pick<Key, 'id'>): number {
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}
