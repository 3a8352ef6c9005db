import type { CutOff } from '../../core/cut-off.js';
import type { LoggedEvent } from '../../sync/change-log.js';
import type { RestartReason } from '../../sync/tail.js';
import type { SessionEventType } from '../../store/memory/session-event.js';

/** A change of a session, as the change log has it. It holds no token, no digest and no data of the session. */
export interface SessionChangeEvent {
  readonly type: SessionEventType;
  /** `null` for what is about more than one session. */
  readonly sessionId: string | null;
  /** `null` for what is about more than one user. */
  readonly userId: string | null;
  /** `null` in an application without tenants, and for a cut-off of everybody. */
  readonly tenantId: string | null;
  /** The version that the session has from this change on: it tells a change that is known already from a new one. */
  readonly version: number | null;
  /** `null` for a sign-in. */
  readonly reason: string | null;
  /** The user, or what part of the system, that did it; `null` for a sign-in. */
  readonly actor: string | null;
  /** On the database's clock; the commit came later. */
  readonly at: Date;
  /** Of `cut_off` alone: whose sessions it ends, and those that began before when. */
  readonly cutOff?: CutOff;
  /** Of `data_changed` alone: the names of the top-level members that were changed; at most 100. */
  readonly keys?: readonly string[];
  /** Of `created` alone, where the session takes the place of a revoked one: the id of that. */
  readonly restoredFrom?: string;
}

/** Changes may have been missed: whoever keeps something by them should read it anew. */
export interface SessionResyncEvent {
  readonly type: 'resync';
  readonly reason: ResyncReason;
}

/**
 * Why changes may have been missed: the connection to the log was lost, its server was started anew, it was not read for
 * so long that it may have forgotten rows, or the listener did not keep up.
 */
export type ResyncReason = Exclude<RestartReason, 'started'> | 'queue-overflow';

export type SessionEvent = SessionChangeEvent | SessionResyncEvent;

/** May answer a promise: the next event waits for it. */
export type SessionEventListener = (event: SessionEvent) => unknown;

/** The event of a row. A newer version of the module on another node may log types that this one does not know. */
export function eventOf(row: LoggedEvent): SessionEvent {
  return Object.freeze({ ...row, type: row.type as SessionEventType, at: new Date(row.at) });
}
