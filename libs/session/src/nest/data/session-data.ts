import type { EntityManager } from 'typeorm';
import type { SessionData } from '../../core/session.js';
import type { ChangeContext } from '../../store/change-context.js';

/** Beside what a change of data is. */
export interface DataChangeOptions extends ChangeContext {
  /** Only if nobody has changed the data since it was of this `dataVersion`. Default: whatever it is now. */
  readonly ifVersion?: number;
  /** Kept in the log. Default `data_changed`. */
  readonly reason?: string;
  /** The user, or what part of the system, that does it. Default `null`. */
  readonly by?: string | null;
  /** Makes it part of this manager's transaction, which should be READ COMMITTED. */
  readonly manager?: EntityManager;
}

/** Beside what a change of the data of all sessions of a user is: each has a version of its own. */
export type UserDataChangeOptions = Omit<DataChangeOptions, 'ifVersion'>;

/** The data of a session as it was once; to be kept as it is and given back to `restore`. */
export interface SessionDataSnapshot<TData extends SessionData = SessionData> {
  readonly sessionId: string;
  /** The version that the data had then. */
  readonly dataVersion: number;
  readonly data: TData;
}
