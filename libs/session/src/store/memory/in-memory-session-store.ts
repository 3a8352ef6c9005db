import { systemClock, type Clock } from '../../core/clock.js';
import type { CutOffScope, StoredCutOff } from '../../core/cut-off.js';
import { canBecome, type EndedStatus, isLive } from '../../core/lifecycle.js';
import type { SessionRecord, SessionSubject } from '../../core/session.js';
import type { ActivateOutcome, Activation, Meeting, MeetOutcome } from '../session-activation.js';
import type { UserHistoryEntry, UserHistoryStore } from '../session-history.js';
import type { DataChange, DataReplacement } from '../session-data.js';
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
import type { Restoration, RestoreOutcome, SessionUndoStore, Undo, UndoOutcome } from '../session-undo.js';
import { underSettings } from '../settings-store.js';
import { atomically } from './atomically.js';
import { admitIn } from './in-memory-admission.js';
import { changeUserData, replaceData } from './in-memory-data.js';
import { rotateIn } from './in-memory-rotation.js';
import { restoreIn, undoIn, withdrawUndoIn } from './in-memory-undo.js';
import { InMemoryUpkeepStore } from './in-memory-upkeep-store.js';
import { OpenQuestions } from './open-questions.js';
import { cutOffEventOf, type InMemorySessionEvent } from './session-event.js';
import { historyOf, userHistoryOf } from './session-history.js';
import { byId, hasRunOut, isInScope, pageOf } from './session-query.js';
import { noted, SessionTable } from './session-table.js';
import { activateIn, meetIn } from './slot-changes.js';
import { handedOut } from './stored-session.js';
import { StoredSettingsTable } from './stored-settings-table.js';

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
  extends InMemoryUpkeepStore
  implements SessionStore, UserHistoryStore, SessionUndoStore
{
  readonly #table: SessionTable;
  readonly #settings: StoredSettingsTable;
  readonly #questions = new OpenQuestions();

  constructor({ clock = systemClock, nodeName }: InMemorySessionStoreOptions = {}) {
    const table = new SessionTable(clock);
    const settings = new StoredSettingsTable();
    super(table, settings, nodeName ?? null);
    this.#table = table;
    this.#settings = settings;
  }

  /** The change log so far, oldest first. */
  events(): readonly InMemorySessionEvent[] {
    return Object.freeze([...this.#table.events]);
  }

  admit(asked: Admission): Promise<AdmitOutcome> {
    return atomically(() => {
      const admission = underSettings(asked, this.#settings.for(asked.facts.tenantId));
      return admitIn(this.#table, this.#questions, admission);
    });
  }

  end(scope: SessionScope, id: string, status: EndedStatus, note: ChangeNote): Promise<SessionRecord | undefined> {
    return atomically(() => {
      const [done] = this.#table.keyed(scope, id, status, note);
      if (done !== undefined) return handedOut(done);
      return this.#table.endAll(this.#table.liveInScope(scope, id), status, note, this.#table.now())[0];
    });
  }

  endMany(
    filter: SessionFilter,
    status: EndedStatus,
    note: ChangeNote,
    limit: number,
  ): Promise<readonly SessionRecord[]> {
    return atomically(() => {
      const now = this.#table.now();
      const [id, another] = filter.ids ?? [];
      if (id !== undefined && another === undefined) {
        const done = this.#table.keyed(filter.scope, id, status, note).map(handedOut);
        if (done.length > 0) return done.filter(({ userId }) => userId === (filter.userId ?? userId));
      }
      const found = this.#table.matching(filter, now).filter((session) => canBecome(session.status, status));
      return this.#table.endAll(found.sort(byId).slice(0, Math.min(limit, BULK_PAGE)), status, note, now);
    });
  }

  touchMany(touches: readonly Touch[]): Promise<TouchOutcome> {
    return atomically(() => {
      const now = this.#table.now();
      for (const { id, at, ip } of touches) {
        const [session] = this.#table.liveInScope({ kind: 'all' }, id);
        if (session === undefined) continue;
        this.noteAddress(session, { id, at: Math.min(at, now), ip });
        if (at < session.lastAccessedAt) continue;
        this.#table.sessions.set(id, { ...session, lastAccessedAt: Math.min(at, now), lastIp: ip ?? session.lastIp });
      }
      return { skipped: [] };
    });
  }

  changeStatus(
    scope: SessionScope,
    id: string,
    to: 'active' | 'suspended',
    note: ChangeNote,
    freesSlot = false,
    protectedWithin?: SessionScope | null,
  ): Promise<SessionRecord | undefined> {
    return atomically(() => {
      const [done] = this.#table.keyed(scope, id, to === 'active' ? 'activated' : to, note);
      if (done !== undefined) return handedOut(done);
      const now = this.#table.now();
      const spared = protectedWithin === undefined ? {} : { protectedWithin };
      const [session] = this.#table.matching({ scope, ids: [id], status: 'unended', ...spared }, now);
      if (session === undefined || !canBecome(session.status, to)) return undefined;
      // Nothing brings back what has run out, and what holds no slot comes back by the policy alone.
      if (to === 'active' && (!this.#table.holdsSlot(session) || hasRunOut(session, now))) return undefined;
      if (to === 'suspended' && freesSlot) this.#table.slotless.add(id);
      return this.#table.change(session, { status: to }, to === 'active' ? 'activated' : to, noted(note), now);
    });
  }

  meet(scope: SessionScope, meeting: Meeting): Promise<MeetOutcome | undefined> {
    return atomically(() => meetIn(this.#table, scope, meeting));
  }

  activate(asked: Activation, note: ChangeNote): Promise<ActivateOutcome> {
    return atomically(() => {
      const activation = underSettings(asked, this.#settings.for(asked.facts.tenantId));
      return activateIn(this.#table, this.#questions, activation, note);
    });
  }

  undo(undo: Undo, note: ChangeNote): Promise<UndoOutcome | undefined> {
    return atomically(() => undoIn(this.#table, undo, note));
  }

  restore(asked: Restoration): Promise<RestoreOutcome> {
    return atomically(() => {
      const restoration = underSettings(asked, this.#settings.for(asked.facts.tenantId));
      return restoreIn(this.#table, this.#questions, restoration);
    });
  }

  settleUndo(subject: SessionSubject): Promise<void> {
    return atomically(() => {
      this.#table.settleUndo(subject);
    });
  }

  withdrawUndo(filter: SessionFilter): Promise<void> {
    return atomically(() => {
      withdrawUndoIn(this.#table, filter);
    });
  }

  rename(
    scope: SessionScope,
    id: string,
    deviceName: string | null,
    note: ChangeNote,
  ): Promise<SessionRecord | undefined> {
    return atomically(() => {
      const [session] = this.#table.liveInScope(scope, id);
      const [done] = this.#table.keyed(scope, id, 'renamed', note);
      if (done !== undefined) return handedOut(done);
      if (session === undefined || session.status === 'suspended') return undefined;
      return this.#table.change(session, { deviceName }, 'renamed', noted(note), this.#table.now());
    });
  }

  replaceData(replacement: DataReplacement, note: ChangeNote): Promise<SessionRecord | undefined> {
    return atomically(() => replaceData(this.#table, replacement, note));
  }

  changeUserData(
    subject: SessionSubject,
    change: (session: SessionRecord) => Promise<DataChange | undefined>,
    note: ChangeNote,
  ): Promise<readonly SessionRecord[]> {
    return changeUserData(this.#table, subject, change, note);
  }

  rotate(rotation: Rotation, note: ChangeNote): Promise<SessionRecord | undefined> {
    return atomically(() => rotateIn(this.#table, rotation, note));
  }

  cutOff(scope: CutOffScope, note: ChangeNote, includesProtected = false): Promise<StoredCutOff> {
    return atomically(() => {
      const at = this.#table.now();
      const live = [...this.#table.sessions.values()].filter(({ status }) => isLive(status));
      // Also after sessions from before the clock was set back.
      const now = Math.max(at, ...live.map(({ createdAt }) => createdAt));
      const { context, ...kept } = noted(note);
      const cutOff = this.#table.cutOffs.raise(scope, kept, now, includesProtected);
      this.#table.events.push(cutOffEventOf(cutOff, { id: this.#table.events.length + 1, at, context }));
      return cutOff;
    });
  }

  forgetCutOffs(olderThanMs: number): Promise<number> {
    return atomically(() => {
      const longestMs = Math.max(olderThanMs, this.#settings.longestLifetimeMs());
      return this.#table.cutOffs.forget(this.#table.now() - longestMs, [...this.#table.sessions.values()]);
    });
  }

  findMany(ids: readonly string[]): Promise<Snapshot> {
    return atomically(() => ({
      records: this.#table.stored([...new Set(ids)]).map(handedOut),
      asOf: this.#table.now(),
    }));
  }

  findLast(tenantId: string | null, userId: string, deviceId: string): Promise<SessionRecord | undefined> {
    return atomically(() => {
      const own = this.#table.matching({ scope: { kind: 'user', tenantId, userId } }, this.#table.now());
      const newest = own
        .filter((session) => session.deviceId === deviceId)
        .sort((a, b) => b.createdAt - a.createdAt || b.sequence - a.sequence)[0];
      return newest && handedOut(newest);
    });
  }

  history(scope: SessionScope, id: string, page: HistoryPage): Promise<readonly SessionHistoryEntry[] | undefined> {
    return atomically(() => {
      const [session] = this.#table.stored([id]);
      if (session === undefined || !isInScope(scope, session)) return undefined;
      const isWritten = this.#table.sessions.get(id)?.status === session.status;
      return historyOf(session, this.#table.events, isWritten, page);
    });
  }

  userHistory(
    scope: SessionScope,
    userId: string,
    page: HistoryPage,
    wanted?: string | null,
  ): Promise<readonly UserHistoryEntry[]> {
    return atomically(() => {
      const isSeen = ({ sessionId, tenantId }: InMemorySessionEvent): boolean => {
        if (wanted !== undefined && tenantId !== wanted) return false;
        const session = sessionId === null ? undefined : this.#table.sessions.get(sessionId);
        return isInScope(scope, { tenantId, userId, impersonator: session?.impersonator ?? null });
      };
      return userHistoryOf(userId, this.#table.events, isSeen, page);
    });
  }

  exists(id: string): Promise<boolean> {
    return atomically(() => this.#table.liveInScope({ kind: 'all' }, id).length > 0);
  }

  list(filter: SessionFilter, page: Page): Promise<readonly SessionRecord[]> {
    return atomically(() => pageOf(this.#table.matching(filter, this.#table.now()), page).map(handedOut));
  }

  count(filter: SessionFilter): Promise<number> {
    return atomically(() => this.#table.matching(filter, this.#table.now()).length);
  }

  listIds(filter: SessionFilter, limit: number): Promise<readonly string[]> {
    return atomically(() => {
      const found = this.#table.matching(filter, this.#table.now()).sort(byId);
      return found.slice(0, Math.min(limit, MOST_IDS)).map(({ id }) => id);
    });
  }

  now(): Promise<number> {
    return atomically(() => this.#table.now());
  }

  onCommitted(apply: () => void): void {
    apply();
  }
}
