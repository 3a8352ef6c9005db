import type { SessionRecord } from '../core/session.js';

/** What nodes tell each other of a live or ended session. */
export interface SharedSession {
  /** As the database has it; `lastAccessedAt` and `lastIp` in it are those that are known to be written. */
  readonly record: SessionRecord;
  /** When the database was known to have the record so, in milliseconds on the database's clock; never later than that. */
  readonly asOf: number;
  /** Which server's clock that is; another one's says nothing about it. Empty where it is not known. */
  readonly server: string;
  /** The latest access that the writing node knew of, whether written to the database or not. */
  readonly lastAccessedAt: number;
  readonly lastIp: string | null;
}

/**
 * The level of the cache that all nodes share. It is a hint and never evidence: whoever reads decides by `asOf` and by
 * what it has read of the change log whether a session may be used. Nothing here rejects or waits longer than the
 * adapter's deadline; what is absent, late, malformed, another session's or not authentic is simply not there.
 */
export interface SharedSessionCache {
  /** Resolves to the session, or to `undefined`. */
  get(id: string): Promise<SharedSession | undefined>;
  /**
   * Keeps the session for `lifetimeMs` unless a newer one is there: of a higher version, or of the same version and a
   * later `asOf`. Returns at once; what cannot be written now is lost, and never written later.
   */
  put(session: SharedSession, lifetimeMs: number): void;
}
