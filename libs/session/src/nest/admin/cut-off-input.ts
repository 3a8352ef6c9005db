import type { EntityManager } from 'typeorm';
import type { CutOffScope } from '../../core/cut-off.js';
import type { ChangeContext } from '../../store/change-context.js';
import type { SessionScope } from '../../store/session-store.js';
import type { ProtectedInclusion } from './protection.js';

export interface CutOffInput extends CutOffScope, ChangeContext {
  /** Kept with the cut-off, and with each session that it ends. */
  readonly reason: string;
  /** The administrator's user id, or what part of the system makes it; `null` by default. */
  readonly by?: string | null;
  /** The most that may be cut off: what is not said is narrowed to it, and what goes beyond is refused. */
  readonly scope?: SessionScope;
  /**
   * Ends protected sessions too; within a scope only where it holds all that is cut off. Default false: they are spared,
   * and what an earlier cut-off has ended of them stays ended.
   */
  readonly includeProtected?: ProtectedInclusion;
  /** Makes it part of this manager's transaction: what is signed in before the commit may live on. */
  readonly manager?: EntityManager;
}

/** A cut-off that was made. */
export interface CutOffResult {
  /** Whose sessions have ended. */
  readonly scope: CutOffScope;
  /** Everything that was issued at this moment or earlier has. On the database's clock. */
  readonly notBefore: Date;
  readonly reason: string;
}
