import { randomBytes } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import { canBecome, type EndedStatus, isLive } from '../../core/lifecycle.js';
import type { SessionRecord, SessionSubject } from '../../core/session.js';
import { READ_BY_ALL_MS } from '../user-erasure.js';
import { type ChangeSource, loggedContext } from '../change-context.js';
import type { ChangeNote, SessionFilter, SessionScope } from '../session-store.js';
import { MAX_REASON_LENGTH, storableText } from '../storable-text.js';
import {
  type EventDetails,
  type EventNote,
  eventOf,
  type InMemorySessionEvent,
  type SessionEventType,
} from './session-event.js';
import { isInScope, matches } from './session-query.js';
import { StoredCutOffs } from './stored-cut-offs.js';
import { handedOut } from './stored-session.js';
import { StoredUndos } from './stored-undos.js';

/** The sessions in memory, what cuts them off, and the log that every change of them is written to. */
export class SessionTable {
  readonly sessions = new Map<string, SessionRecord>();
  readonly cutOffs = new StoredCutOffs();
  readonly events: InMemorySessionEvent[] = [];
  /** Ids of suspended sessions that have given their slot up. */
  readonly slotless = new Set<string>();
  readonly undos = new StoredUndos();
  #sequence = 0;

  constructor(private readonly clock: Clock) {}

  /** The place of the next session in the order in which they begin. */
  get nextSequence(): number {
    return this.#sequence + 1;
  }

  now(): number {
    return this.clock.now();
  }

  stored(ids: readonly string[]): SessionRecord[] {
    return ids.flatMap((id) => this.sessions.get(id) ?? []).map((session) => this.cutOffs.effective(session));
  }

  /** All sessions, as everybody sees them. */
  effective(): SessionRecord[] {
    return [...this.sessions.values()].map((session) => this.cutOffs.effective(session));
  }

  matching(filter: SessionFilter, now: number): SessionRecord[] {
    return this.effective().filter(
      (session) => matches(filter, session, now) && (filter.holdsSlot !== true || this.holdsSlot(session)),
    );
  }

  /** True where the session counts against limits. */
  holdsSlot({ id, status }: SessionRecord): boolean {
    return isLive(status) && status !== 'pending' && !this.slotless.has(id);
  }

  /** One session or none. */
  liveInScope(scope: SessionScope, id: string): SessionRecord[] {
    return this.stored([id]).filter((session) => isLive(session.status) && isInScope(scope, session));
  }

  /** Writes down what cut-offs have ended of the user's sessions. */
  endCutOff({ tenantId, userId }: SessionSubject, now: number): SessionRecord[] {
    return [...this.sessions.values()].flatMap((session) => {
      if (session.tenantId !== tenantId || session.userId !== userId) return [];
      return this.writeDownCutOff(session, now) ?? [];
    });
  }

  writeDownCutOff(session: SessionRecord, now: number): SessionRecord | undefined {
    const over = this.cutOffs.effective(session);
    if (over === session) return undefined;
    const note = { reason: over.endReason, actor: over.endedBy, context: loggedContext({}, 'cut-off') };
    return this.change(over, {}, 'revoked', note, now);
  }

  /** Nothing that was revoked of the user can be restored any more. */
  settleUndo({ tenantId, userId }: SessionSubject): void {
    for (const session of this.sessions.values()) {
      if (session.tenantId === tenantId && session.userId === userId) this.undos.settle(session.id);
    }
  }

  endForCleanup(session: SessionRecord, reason: string, now: number): SessionRecord {
    const changes = { status: 'expired', endedAt: now, endReason: reason, endedBy: null } as const;
    const note = { reason, actor: null, context: loggedContext({}, 'cleanup') };
    return this.writeDownCutOff(session, now) ?? this.change(session, changes, 'expired', note, now);
  }

  endAll(sessions: readonly SessionRecord[], status: EndedStatus, note: ChangeNote, now: number): SessionRecord[] {
    const kept = noted(note);
    const changes = { status, endedAt: now, endReason: kept.reason, endedBy: kept.actor };
    return sessions
      .filter((session) => canBecome(session.status, status))
      .map((session) => {
        this.undos.ended(session, note);
        return this.change(session, changes, status, kept, now);
      });
  }

  change(
    session: SessionRecord,
    changes: Partial<SessionRecord>,
    type: SessionEventType,
    note: EventNote,
    now: number,
    details?: EventDetails,
  ): SessionRecord {
    return this.put({ ...session, ...changes, version: session.version + 1 }, type, note, now, details);
  }

  /** Removes what is personal from an ended session. */
  erase(session: SessionRecord, pseudonym: string, note: ChangeNote, now: number): SessionRecord {
    const bare = {
      ...{ userId: pseudonym, deviceId: null, deviceName: null, userAgent: null, initialIp: null, lastIp: null },
      ...{ location: null, scopeKeys: Object.freeze([]), data: Object.freeze({}), pending: null, previous: null },
      ...{ endReason: 'erased', endedBy: session.endedBy === session.userId ? pseudonym : session.endedBy },
      tokenDigest: Uint8Array.from(randomBytes(session.tokenDigest.length)),
    };
    const kept = noted(note, 'erasure');
    const actor = kept.actor === session.userId ? pseudonym : kept.actor;
    return this.change(session, bare, 'erased', { ...kept, reason: null, actor }, now);
  }

  /** Removes what is personal from the log of a user, but for what is about sessions that are still the user's. */
  eraseEvents({ tenantId, userId }: SessionSubject, pseudonym: string, now: number): number {
    const isErased = ({ sessionId, at, ...event }: InMemorySessionEvent): boolean => {
      if (event.userId !== userId || event.tenantId !== tenantId) return false;
      return sessionId === null ? at < now - READ_BY_ALL_MS : this.sessions.get(sessionId)?.userId !== userId;
    };
    let entries = 0;
    for (const [index, event] of this.events.entries()) {
      if (!isErased(event)) continue;
      const { keys: _keys, values: _values, cutOff: _cutOff, state, context, ...rest } = event;
      const { deviceName: _name, requirements: _requirements, ...bare } = state ?? { status: '' };
      this.events[index] = Object.freeze({
        ...rest,
        ...{ userId: pseudonym, reason: null, actor: event.actor === userId ? pseudonym : event.actor },
        ...(state === undefined ? {} : { state: bare }),
        ...(context === undefined ? {} : { context: Object.freeze({ source: context.source }) }),
      });
      entries += 1;
    }
    return entries;
  }

  /** The session as it is now, if the log tells that the actor has made this change of it with this key already. */
  keyed(scope: SessionScope, id: string, type: SessionEventType, note: ChangeNote): SessionRecord[] {
    const { idempotencyKey: key } = note;
    const isDone = (event: InMemorySessionEvent): boolean =>
      event.sessionId === id && event.type === type && event.actor === note.by && event.context?.key === key;
    if (key === undefined || !this.events.some(isDone)) return [];
    return this.stored([id]).filter((session) => isInScope(scope, session));
  }

  /** Forgets the addresses that changes of a session came from, up to a moment; true where there were any. */
  forgetAddresses(id: string, before = Number.POSITIVE_INFINITY): boolean {
    let hadAny = false;
    for (const [index, event] of this.events.entries()) {
      const { context, at, sessionId } = event;
      if (sessionId !== id || at > before || context?.ip === undefined) continue;
      const { ip: _, ...rest } = context;
      this.events[index] = Object.freeze({ ...event, context: Object.freeze(rest) });
      hadAny = true;
    }
    return hadAny;
  }

  put(
    session: SessionRecord,
    type: SessionEventType,
    note: EventNote,
    at: number,
    details?: EventDetails,
  ): SessionRecord {
    this.sessions.set(session.id, session);
    this.#sequence = Math.max(this.#sequence, session.sequence);
    const position = { id: this.events.length + 1, at };
    this.events.push(eventOf(session, type, note, position, this.holdsSlot(session), details));
    return handedOut(session);
  }
}

/** A note as it is kept. */
export function noted(note: ChangeNote, source?: ChangeSource): EventNote {
  const reason = storableText(note.reason, MAX_REASON_LENGTH) ?? 'unspecified';
  return { reason, actor: note.by, context: loggedContext(note, source) };
}
