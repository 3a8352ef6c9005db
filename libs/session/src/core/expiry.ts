import type { SessionRecord } from './session.js';

/**
 * How long a session may live, in milliseconds.
 * @see OWASP ASVS 5.0 7.3.1 (idle) and 7.3.2 (absolute)
 */
export interface Lifetimes {
  /** Ends after this long without access. */
  readonly idleTimeoutMs: number;
  /** Ends this long after sign-in, whatever happens. */
  readonly absoluteLifetimeMs: number;
}

/** The lifetimes of an application: a default, an own pair for "remember me", and exceptions by client id. */
export interface LifetimeRules extends Lifetimes {
  readonly rememberMe: Lifetimes;
  readonly clients: Readonly<Record<string, Partial<Lifetimes>>>;
}

/** Chooses the lifetimes of a new session. A client's own values win over "remember me". */
export function lifetimesFor(rules: LifetimeRules, clientId: string | null, rememberMe: boolean): Lifetimes {
  const base = rememberMe ? rules.rememberMe : rules;
  const own = clientId !== null && Object.hasOwn(rules.clients, clientId) ? rules.clients[clientId] : undefined;
  const absoluteLifetimeMs = own?.absoluteLifetimeMs ?? base.absoluteLifetimeMs;
  return { idleTimeoutMs: Math.min(own?.idleTimeoutMs ?? base.idleTimeoutMs, absoluteLifetimeMs), absoluteLifetimeMs };
}

/** Which limit a live session has passed at `now`, if any. The absolute limit is told first. */
export type Expiry = 'none' | 'idle' | 'absolute';

/**
 * A session is expired from the very millisecond of its limit on.
 * `lastAccessedAt` is given apart because a node may know of a later access than the record.
 */
export function expiryOf(
  session: Pick<SessionRecord, 'expiresAt' | 'idleTimeoutMs'>,
  lastAccessedAt: number,
  now: number,
): Expiry {
  if (now >= session.expiresAt) return 'absolute';
  if (now >= lastAccessedAt + session.idleTimeoutMs) return 'idle';
  return 'none';
}

/** When the session ends if nobody touches it any more: the earlier of both limits. */
export function dueAt(session: Pick<SessionRecord, 'expiresAt' | 'idleTimeoutMs'>, lastAccessedAt: number): number {
  return Math.min(session.expiresAt, lastAccessedAt + session.idleTimeoutMs);
}
