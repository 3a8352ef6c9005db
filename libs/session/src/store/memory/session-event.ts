import type { CutOff, StoredCutOff } from '../../core/cut-off.js';
import type { EndedStatus } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import type { StoredSettings } from '../settings-store.js';

/** What happened. An end is named by the status that it led to. */
export type SessionEventType =
  | 'created'
  | 'requirement_met'
  | 'activated'
  | 'suspended'
  | 'renamed'
  | 'data_changed'
  | 'rotated'
  | 'drifted'
  | 'cut_off'
  | 'settings_changed'
  | EndedStatus;

/** One row of the change log that an `InMemorySessionStore` keeps. Touches are not in it. */
export interface InMemorySessionEvent {
  /** Position in the log, from 1 on. */
  readonly id: number;
  /** Milliseconds on the store's clock. */
  readonly at: number;
  readonly type: SessionEventType;
  /** `null` for cut-offs and settings. */
  readonly sessionId: string | null;
  /** The version that the session, or the cut-off or settings of the scope, had from then on. */
  readonly version: number;
  readonly tenantId: string | null;
  /** `null` for settings, and for a cut-off of more than a user. */
  readonly userId: string | null;
  /** `null` for a sign-in. */
  readonly reason: string | null;
  /** The user, or what part of the system, that did it. */
  readonly actor: string | null;
  readonly cutOff?: CutOff;
  /** Of `data_changed`: the names of the top-level members that were changed. */
  readonly keys?: readonly string[];
}

/** Who and why, as a log row has it. */
export type EventNote = Pick<InMemorySessionEvent, 'reason' | 'actor'>;

/** What a log row tells beside. */
export type EventDetails = Pick<InMemorySessionEvent, 'keys'>;

/** The log row of a change that made `session` what it is. */
export function eventOf(
  session: SessionRecord,
  type: SessionEventType,
  note: EventNote,
  position: { readonly id: number; readonly at: number },
  details: EventDetails = {},
): InMemorySessionEvent {
  const { id: sessionId, version, tenantId, userId } = session;
  return Object.freeze({ ...position, type, sessionId, version, tenantId, userId, ...note, ...details });
}

/** The log row of a cut-off. */
export function cutOffEventOf(
  { scope, notBefore, protectedNotBefore, version, reason, by }: StoredCutOff,
  position: { readonly id: number; readonly at: number },
): InMemorySessionEvent {
  const whose = { sessionId: null, tenantId: scope.tenantId ?? null, userId: scope.userId ?? null };
  return Object.freeze({
    ...position,
    type: 'cut_off',
    version,
    ...whose,
    reason,
    actor: by,
    cutOff: { scope, notBefore, ...(protectedNotBefore === undefined ? {} : { protectedNotBefore }) },
  });
}

/** The log row of changed settings. */
export function settingsEventOf(
  { at, version, tenantId, reason, by }: StoredSettings,
  position: { readonly id: number },
): InMemorySessionEvent {
  const whose = { sessionId: null, tenantId, userId: null };
  return Object.freeze({ ...position, at, type: 'settings_changed', version, ...whose, reason, actor: by });
}
