import type { CutOff, StoredCutOff } from '../../core/cut-off.js';
import type { EndedStatus } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import type { LoggedContext } from '../change-context.js';
import type { DataValues, LoggedState } from '../session-history.js';
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
  | 'undone'
  | 'restored'
  | 'erased'
  | 'user_erased'
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
  /** Of `created` where the session takes the place of a revoked one: the id of that. */
  readonly restoredFrom?: string;
  /** Their values before and after, where histories keep values. */
  readonly values?: Readonly<Record<string, DataValues>>;
  /** What the session is from then on, as histories tell of it. */
  readonly state?: LoggedState;
  /** Where the change came from. */
  readonly context?: LoggedContext;
}

/** Who and why and from where, as a log row has it. */
export type EventNote = Pick<InMemorySessionEvent, 'reason' | 'actor'> & { readonly context: LoggedContext };

/** What a log row tells beside. */
export type EventDetails = Pick<InMemorySessionEvent, 'keys' | 'values' | 'restoredFrom'>;

/** The log row of a change that made `session` what it is. */
export function eventOf(
  session: SessionRecord,
  type: SessionEventType,
  note: EventNote,
  position: { readonly id: number; readonly at: number },
  /** `null` where the session is as it was. */
  holdsSlot: boolean | null,
  details: EventDetails = {},
): InMemorySessionEvent {
  const { id: sessionId, version, tenantId, userId } = session;
  const state = holdsSlot === null ? {} : { state: stateOf(session, holdsSlot) };
  return Object.freeze({ ...position, type, sessionId, version, tenantId, userId, ...note, ...details, ...state });
}

function stateOf(session: SessionRecord, holdsSlot: boolean): LoggedState {
  const { status, deviceName, assurance, authenticatedAt, expiresAt, idleTimeoutMs, tokenGeneration, pending } =
    session;
  const met = pending?.requirements.map((requirement) => [requirement.name, requirement.met.length] as const);
  return Object.freeze({
    ...{ status, holdsSlot, assurance, authenticatedAt, expiresAt, idleTimeoutMs, tokenGeneration },
    ...(deviceName === null ? {} : { deviceName }),
    ...(session.restoredFrom === null ? {} : { restoredFrom: session.restoredFrom }),
    ...(session.isProtected ? { protected: true } : {}),
    ...(met === undefined ? {} : { requirements: Object.fromEntries(met) }),
  });
}

/** The log row of a cut-off. */
export function cutOffEventOf(
  { scope, notBefore, protectedNotBefore, version, reason, by }: StoredCutOff,
  position: { readonly id: number; readonly at: number; readonly context: LoggedContext },
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
