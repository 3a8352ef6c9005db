import type { SessionHistoryEntry } from '../../store/session-store.js';

/** One change in the history of a session, in an answer: exactly these keys, absent values `null`. */
export interface SessionHistoryJson {
  /** Its number in the change log; `null` for a cut-off that nobody has written into the session's row yet. */
  readonly id: string | null;
  readonly type: string;
  readonly at: string;
  /** The version that the session has from then on. */
  readonly version: number | null;
  readonly reason: string | null;
  /** The user, or what part of the system, that did it. */
  readonly actor: string | null;
}

export function historyToJson({ id, type, at, version, reason, actor }: SessionHistoryEntry): SessionHistoryJson {
  return { id, type, at: new Date(at).toISOString(), version, reason, actor };
}
