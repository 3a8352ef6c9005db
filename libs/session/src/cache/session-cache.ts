import type { CachedSession } from './cached-session.js';

/**
 * The level of the cache that lives in this process. Look-ups are synchronous: a known session costs no promise.
 * Whether an entry may still be trusted is its lease's to say, not the cache's.
 */
export interface SessionCache {
  get(id: string): CachedSession | undefined;
  /** Keeps the entry, unless one of a higher version is there; gives the one that is kept. */
  put(entry: CachedSession): CachedSession;
  delete(id: string): void;
  clear(): void;
  readonly size: number;
}
