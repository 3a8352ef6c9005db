import type { Page, SessionFilter, SessionScope } from '../../store/session-store.js';
import type { Session } from '../session/session.js';

/** Which sessions, without a scope; `scope` is given apart because it is a right, not a wish. */
export type SessionSearch = Omit<SessionFilter, 'scope'> & { readonly scope?: SessionScope };

/** A page of a search, and where the next one begins. */
export interface SessionPage {
  readonly sessions: readonly Session[];
  /** `null` on the last page. */
  readonly next: Page['after'];
}

const NARROWING: readonly string[] = [
  'scope',
  'exceptIds',
  'afterId',
  'createdUntil',
  'protectedWithin',
] satisfies (keyof SessionFilter)[];

/** The search as a filter: of everybody, unless narrowed. */
export function filterOf(search: SessionSearch): SessionFilter {
  return { scope: { kind: 'all' }, ...search };
}

/** `exceptIds`, `afterId`, `createdUntil`, `protectedWithin` and `scope` narrow a filter but do not make one. */
export function isEmptyFilter(filter: SessionSearch): boolean {
  return Object.entries<unknown>(filter).every(([name, value]) => NARROWING.includes(name) || value === undefined);
}
