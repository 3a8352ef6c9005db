import { systemClock, type Clock } from '../../core/clock.js';
import type { CutOffScope, StoredCutOff } from '../../core/cut-off.js';
import { expiryOf } from '../../core/expiry.js';
import { canBecome, isLive, type EndedStatus, type LiveStatus } from '../../core/lifecycle.js';
import type { PreviousToken, SessionFacts, SessionRecord } from '../../core/session.js';
import type { Drift, DriftLogStore } from '../drift-log.js';
import { newRotationSalt } from '../rotation-salt.js';
import type { KnownNode, NodeBeat, SessionCounts, StatisticsStore } from '../session-statistics.js';
import type { AddressHistoryStore, SessionOrigins } from '../session-addresses.js';
import type {
  CleanupBatch,
  CleanupRules,
  CleanupState,
  SessionCleanupStore,
  WalkPage,
  WalkPosition,
  WalkRules,
} from '../session-cleanup.js';
import {
  type Admission,
  type AdmitOutcome,
  BULK_PAGE,
  type ChangeNote,
  type HistoryPage,
  MOST_IDS,
  type Page,
  type Rotation,
  type SessionFilter,
  type SessionHistoryEntry,
  type SessionScope,
  type SessionStore,
  type Snapshot,
  type Touch,
  type TouchOutcome,
} from '../session-store.js';
import {
  type LoggedSettings,
  type SessionSettingsStore,
  type SettingsChange,
  type SettingsOutcome,
  type StoredSettings,
  underSettings,
} from '../settings-store.js';
import { MAX_REASON_LENGTH, storableText } from '../storable-text.js';
import { planAdmission } from './admission-plan.js';
import { InMemoryCleanup } from './in-memory-cleanup.js';
import { countsOf, StoredNodes } from './in-memory-statistics.js';
import { OpenQuestions } from './open-questions.js';
import {
  cutOffEventOf,
  type EventNote,
  eventOf,
  type InMemorySessionEvent,
  type SessionEventType,
  settingsEventOf,
} from './session-event.js';
import { RecordedDrifts } from './recorded-drifts.js';
import { historyOf } from './session-history.js';
import { byId, hasRunOut, isInScope, matches, pageOf } from './session-query.js';
import { StoredAddresses } from './stored-addresses.js';
import { StoredCutOffs } from './stored-cut-offs.js';
import { StoredSettingsTable } from './stored-settings-table.js';
import { handedOut, newSession } from './stored-session.js';

export interface InMemorySessionStoreOptions {
  /** The store's own time; the clock of the process by default. */
  readonly clock?: Clock;
  /** Told as the node on which sessions begin. */
  readonly nodeName?: string;
}

/**
 * Sessions in the memory of one process: for tests and for trying things out. Keeps every promise of the port except
 * to survive the process and to be shared between nodes. Each verb runs to its end before the next begins, and one
 * that throws has changed nothing. Records that it gives are frozen copies.
 */
export class InMemorySessionStore
  implements
    SessionStore,
    AddressHistoryStore,
    SessionSettingsStore,
    SessionCleanupStore,
    StatisticsStore,
    DriftLogStore
{
  readonly #clock: Clock;
  readonly #sessions = new Map<string, SessionRecord>();
  readonly #cutOffs = new StoredCutOffs();
  readonly #addresses = new StoredAddresses();
  readonly #nodes = new StoredNodes();
  readonly #cleanup: InMemoryCleanup;
  readonly #nodeName: string | null;
  readonly #questions = new OpenQuestions();
  readonly #settings = new StoredSettingsTable();
  readonly #drifts = new RecordedDrifts();
  readonly #events: InMemorySessionEvent[] = [];
  #sequence = 0;

  constructor({ clock = systemClock, nodeName }: InMemorySessionStoreOptions = {}) {
    this.#clock = clock;
    this.#nodeName = nodeName ?? null;
    this.#cleanup = new InMemoryCleanup({
      sessions: this.#sessions,
      addresses: this.#addresses,
      drifts: this.#drifts,
      now: () => clock.now(),
      effective: (session) => this.#cutOffs.effective(session),
      end: (session, reason, now) => this.#endForCleanup(session, reason, now),
    });
  }

  /** The change log so far, oldest first. */
  events(): readonly InMemorySessionEvent[] {
    return Object.freeze([...this.#events]);
  }

  admit(admission: Admission): Promise<AdmitOutcome> {
    return atomically(() => this.#admit(admission));
  }

  end(scope: SessionScope, id: string, status: EndedStatus, note: ChangeNote): Promise<SessionRecord | undefined> {
    return atomically(() => this.#endAll(this.#liveInScope(scope, id), status, note, this.#clock.now())[0]);
  }

  endMany(
    filter: SessionFilter,
    status: EndedStatus,
    note: ChangeNote,
    limit: number,
  ): Promise<readonly SessionRecord[]> {
    return atomically(() => {
      const now = this.#clock.now();
      const found = this.#matching(filter, now).filter((session) => canBecome(session.status, status));
      return this.#endAll(found.sort(byId).slice(0, Math.min(limit, BULK_PAGE)), status, note, now);
    });
  }

  touchMany(touches: readonly Touch[]): Promise<TouchOutcome> {
    return atomically(() => {
      const now = this.#clock.now();
      for (const { id, at, ip } of touches) {
        const [session] = this.#liveInScope({ kind: 'all' }, id);
        if (session === undefined) continue;
        this.#addresses.note(session, { id, at: Math.min(at, now), ip });
        if (at < session.lastAccessedAt) continue;
        this.#sessions.set(id, { ...session, lastAccessedAt: Math.min(at, now), lastIp: ip ?? session.lastIp });
      }
      return { skipped: [] };
    });
  }

  changeStatus(
    scope: SessionScope,
    id: string,
    to: 'active' | 'suspended',
    note: ChangeNote,
    from?: LiveStatus,
  ): Promise<SessionRecord | undefined> {
    return atomically(() => {
      const [session] = this.#liveInScope(scope, id);
      const now = this.#clock.now();
      if (session === undefined || !canBecome(session.status, to)) return undefined;
      if (from !== undefined && session.status !== from) return undefined;
      // Nothing brings back what has run out.
      if (to === 'active' && hasRunOut(session, now)) return undefined;
      return this.#change(session, { status: to }, to === 'active' ? 'activated' : to, noted(note), now);
    });
  }

  rename(
    scope: SessionScope,
    id: string,
    deviceName: string | null,
    note: ChangeNote,
  ): Promise<SessionRecord | undefined> {
    return atomically(() => {
      const [session] = this.#liveInScope(scope, id);
      return session && this.#change(session, { deviceName }, 'renamed', noted(note), this.#clock.now());
    });
  }

  rotate(rotation: Rotation, note: ChangeNote): Promise<SessionRecord | undefined> {
    return atomically(() => {
      const [session] = this.#liveInScope({ kind: 'all' }, rotation.id);
      const now = this.#clock.now();
      if (session?.tokenGeneration !== rotation.fromGeneration || hasRunOut(session, now)) return undefined;
      const absoluteLifetimeMs = session.expiresAt - session.authenticatedAt;
      const changes = {
        tokenDigest: Uint8Array.from(rotation.tokenDigest),
        tokenGeneration: session.tokenGeneration + 1,
        previous: rotation.previous === undefined ? null : previousOf(session, rotation.previous),
        ...(rotation.previous?.hasSuccessor === true ? {} : { rotationSalt: newRotationSalt() }),
        rotatedAt: now,
        ...(rotation.reauthenticated
          ? { authenticatedAt: now, lastAccessedAt: now, expiresAt: now + absoluteLifetimeMs }
          : {}),
        ...(rotation.assurance === undefined ? {} : { assurance: rotation.assurance }),
        ...(rotation.from === undefined ? {} : { userAgent: rotation.from.userAgent }),
      };
      return this.#change(session, changes, 'rotated', noted(note), now);
    });
  }

  cutOff(scope: CutOffScope, note: ChangeNote): Promise<StoredCutOff> {
    return atomically(() => {
      const at = this.#clock.now();
      const live = [...this.#sessions.values()].filter(({ status }) => isLive(status));
      // Also after sessions from before the clock was set back.
      const now = Math.max(at, ...live.map(({ createdAt }) => createdAt));
      const cutOff = this.#cutOffs.raise(scope, noted(note), now);
      this.#events.push(cutOffEventOf(cutOff, { id: this.#events.length + 1, at }));
      return cutOff;
    });
  }

  forgetCutOffs(olderThanMs: number): Promise<number> {
    return atomically(() => {
      const longestMs = Math.max(olderThanMs, this.#settings.longestLifetimeMs());
      return this.#cutOffs.forget(this.#clock.now() - longestMs, [...this.#sessions.values()]);
    });
  }

  findMany(ids: readonly string[]): Promise<Snapshot> {
    return atomically(() => ({
      records: this.#stored([...new Set(ids)]).map(handedOut),
      asOf: this.#clock.now(),
    }));
  }

  findLast(tenantId: string | null, userId: string, deviceId: string): Promise<SessionRecord | undefined> {
    return atomically(() => {
      const own = this.#matching({ scope: { kind: 'user', tenantId, userId } }, this.#clock.now());
      const newest = own
        .filter((session) => session.deviceId === deviceId)
        .sort((a, b) => b.createdAt - a.createdAt || b.sequence - a.sequence)[0];
      return newest && handedOut(newest);
    });
  }

  origins(scope: SessionScope, id: string): Promise<SessionOrigins | undefined> {
    return atomically(() => {
      const session = this.#sessions.get(id);
      if (session === undefined || !isInScope(scope, session)) return undefined;
      return { nodeName: this.#nodeName, addresses: this.#addresses.of(session) };
    });
  }

  history(scope: SessionScope, id: string, page: HistoryPage): Promise<readonly SessionHistoryEntry[] | undefined> {
    return atomically(() => {
      const [session] = this.#stored([id]);
      if (session === undefined || !isInScope(scope, session)) return undefined;
      const isWritten = this.#sessions.get(id)?.status === session.status;
      return historyOf(session, this.#events, isWritten, page);
    });
  }

  exists(id: string): Promise<boolean> {
    return atomically(() => this.#liveInScope({ kind: 'all' }, id).length > 0);
  }

  list(filter: SessionFilter, page: Page): Promise<readonly SessionRecord[]> {
    return atomically(() => pageOf(this.#matching(filter, this.#clock.now()), page).map(handedOut));
  }

  count(filter: SessionFilter): Promise<number> {
    return atomically(() => this.#matching(filter, this.#clock.now()).length);
  }

  listIds(filter: SessionFilter, limit: number): Promise<readonly string[]> {
    return atomically(() => {
      const found = this.#matching(filter, this.#clock.now()).sort(byId);
      return found.slice(0, Math.min(limit, MOST_IDS)).map(({ id }) => id);
    });
  }

  recordDrift(id: string, drift: Drift): Promise<boolean> {
    return atomically(() => {
      const [session] = this.#liveInScope({ kind: 'all' }, id);
      const at = this.#clock.now();
      if (session === undefined || !this.#drifts.record(id, drift, at)) return false;
      const position = { id: this.#events.length + 1, at };
      this.#events.push(eventOf(session, 'drifted', { reason: drift.kind, actor: null }, position));
      return true;
    });
  }

  now(): Promise<number> {
    return atomically(() => this.#clock.now());
  }

  onCommitted(apply: () => void): void {
    apply();
  }

  findSettings(tenantId: string | null): Promise<readonly StoredSettings[]> {
    return atomically(() => this.#settings.for(tenantId));
  }

  changeSettings(
    change: SettingsChange,
    note: ChangeNote,
    check: (stored: readonly StoredSettings[]) => void,
  ): Promise<SettingsOutcome> {
    return atomically(() => {
      const outcome = this.#settings.change(change, noted(note), check, this.#clock.now());
      if (outcome.kind === 'changed') {
        this.#events.push(settingsEventOf(outcome.stored, { id: this.#events.length + 1 }));
      }
      return outcome;
    });
  }

  settingsHistory(tenantId: string | null, limit: number): Promise<readonly LoggedSettings[]> {
    return atomically(() => this.#settings.history(tenantId, limit));
  }

  endDue(rules: CleanupRules, limit: number): Promise<CleanupBatch> {
    return atomically(() => this.#cleanup.endDue(rules, limit));
  }

  endCutOff(limit: number): Promise<CleanupBatch> {
    return atomically(() => this.#cleanup.endCutOff(limit));
  }

  claimWalk(everyMs: number): Promise<boolean> {
    return atomically(() => this.#cleanup.claimWalk(everyMs));
  }

  walkLive(rules: WalkRules, after: WalkPosition | null, limit: number): Promise<WalkPage> {
    return atomically(() => this.#cleanup.walkLive(rules, after, limit));
  }

  removeEnded(retentionMs: number, limit: number): Promise<number> {
    return atomically(() => this.#cleanup.removeEnded(retentionMs, limit));
  }

  scrubEnded(afterMs: number, limit: number): Promise<number> {
    return atomically(() => this.#cleanup.scrubEnded(afterMs, limit));
  }

  noteCleanupRun(): Promise<void> {
    return atomically(() => {
      this.#cleanup.noteRun();
    });
  }

  cleanupState(): Promise<CleanupState> {
    return atomically(() => this.#cleanup.state());
  }

  countSessions(scope: SessionScope): Promise<SessionCounts> {
    return atomically(() => {
      const now = this.#clock.now();
      const isOn = (session: SessionRecord): boolean => isLive(session.status) && !hasRunOut(session, now);
      return countsOf(this.#matching({ scope }, now), isOn, now);
    });
  }

  noteNode(beat: NodeBeat, goneAfterMs: number): Promise<void> {
    return atomically(() => {
      this.#nodes.note(beat, goneAfterMs, this.#clock.now());
    });
  }

  forgetNode(id: string): Promise<void> {
    return atomically(() => {
      this.#nodes.forget(id);
    });
  }

  listNodes(goneAfterMs: number): Promise<readonly KnownNode[]> {
    return atomically(() => this.#nodes.list(goneAfterMs, this.#clock.now()));
  }

  #admit(asked: Admission): AdmitOutcome {
    const admission = underSettings(asked, this.#settings.for(asked.facts.tenantId));
    const earlier = this.#sessions.get(admission.id);
    if (earlier !== undefined) {
      return { kind: 'admitted', session: handedOut(this.#cutOffs.effective(earlier)), evicted: [], ended: [] };
    }
    const { facts, answer, question } = admission;
    const now = this.#clock.now();
    const answered = answer !== null && this.#questions.has(answer.ticketDigest, facts, now);
    const { runOut, replaced, decision } = planAdmission(admission, this.#effective(), answered, now);
    const createdAt = this.#cutOffs.earliestAdmission(facts, now);
    const newcomer = newSession(admission, this.#sequence + 1, now, createdAt);

    if (answered) this.#questions.delete(answer.ticketDigest);
    const ended = this.#endCutOff(facts, now);
    ended.push(...runOut.flatMap((session) => this.#endAll([session], 'expired', expiryNote(session, now), now)));
    if (decision.kind === 'admit') {
      const by = facts.userId;
      const left = replaced === undefined ? [] : [replaced];
      ended.push(...this.#endAll(left, 'signed_out', { reason: 'replaced', by }, now));
      const evicted = this.#endAll(this.#stored(decision.evict), 'evicted', { reason: 'limit_reached', by }, now);
      const session = this.#put(newcomer, 'created', { reason: null, actor: by }, now);
      this.#sequence = session.sequence;
      return { kind: 'admitted', session, evicted, ended };
    }
    const full = this.#stored(decision.full).map(handedOut);
    if (decision.kind === 'reject') return { kind: 'rejected', full, ended };
    this.#questions.add(question.ticketDigest, facts, question.lifetimeMs, now);
    return { kind: 'asked', full, mustEnd: decision.mustEnd, ended };
  }

  #stored(ids: readonly string[]): SessionRecord[] {
    return ids.flatMap((id) => this.#sessions.get(id) ?? []).map((session) => this.#cutOffs.effective(session));
  }

  /** All sessions, as everybody sees them. */
  #effective(): SessionRecord[] {
    return [...this.#sessions.values()].map((session) => this.#cutOffs.effective(session));
  }

  #matching(filter: SessionFilter, now: number): SessionRecord[] {
    return this.#effective().filter((session) => matches(filter, session, now));
  }

  /** One session or none. */
  #liveInScope(scope: SessionScope, id: string): SessionRecord[] {
    return this.#stored([id]).filter((session) => isLive(session.status) && isInScope(scope, session));
  }

  /** Writes down what cut-offs have ended of the user's sessions. */
  #endCutOff({ tenantId, userId }: SessionFacts, now: number): SessionRecord[] {
    return [...this.#sessions.values()].flatMap((session) => {
      if (session.tenantId !== tenantId || session.userId !== userId) return [];
      return this.#writeDownCutOff(session, now) ?? [];
    });
  }

  #writeDownCutOff(session: SessionRecord, now: number): SessionRecord | undefined {
    const over = this.#cutOffs.effective(session);
    if (over === session) return undefined;
    return this.#change(over, {}, 'revoked', { reason: over.endReason, actor: over.endedBy }, now);
  }

  #endForCleanup(session: SessionRecord, reason: string, now: number): SessionRecord {
    const changes = { status: 'expired', endedAt: now, endReason: reason, endedBy: null } as const;
    return (
      this.#writeDownCutOff(session, now) ?? this.#change(session, changes, 'expired', { reason, actor: null }, now)
    );
  }

  #endAll(sessions: readonly SessionRecord[], status: EndedStatus, note: ChangeNote, now: number): SessionRecord[] {
    const { reason, actor } = noted(note);
    const changes = { status, endedAt: now, endReason: reason, endedBy: actor };
    return sessions
      .filter((session) => canBecome(session.status, status))
      .map((session) => this.#change(session, changes, status, { reason, actor }, now));
  }

  #change(
    session: SessionRecord,
    changes: Partial<SessionRecord>,
    type: SessionEventType,
    note: EventNote,
    now: number,
  ): SessionRecord {
    return this.#put({ ...session, ...changes, version: session.version + 1 }, type, note, now);
  }

  #put(session: SessionRecord, type: SessionEventType, note: EventNote, at: number): SessionRecord {
    this.#sessions.set(session.id, session);
    this.#events.push(eventOf(session, type, note, { id: this.#events.length + 1, at }));
    return handedOut(session);
  }
}

/** The token that a rotation replaces, with the rights that it had. */
function previousOf(session: SessionRecord, { hasSuccessor }: { readonly hasSuccessor: boolean }): PreviousToken {
  const { tokenDigest: digest, assurance, authenticatedAt } = session;
  return { digest, assurance, authenticatedAt, hasSuccessor };
}

function expiryNote(session: SessionRecord, now: number): ChangeNote {
  const isAbsolute = expiryOf(session, session.lastAccessedAt, now) === 'absolute';
  return { reason: isAbsolute ? 'absolute_lifetime' : 'idle_timeout', by: null };
}

function noted({ reason, by }: ChangeNote): EventNote {
  return { reason: storableText(reason, MAX_REASON_LENGTH) ?? 'unspecified', actor: by };
}

/** Runs a verb at once; what it throws becomes a rejection, as with a store that has to wait. */
function atomically<T>(verb: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(verb());
  });
}
