import { type ErasedPage, type Erasure, ERASURE_PAGE, type UserErasureStore } from '../user-erasure.js';
import { loggedContext } from '../change-context.js';
import { isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import type { Drift, DriftLogStore } from '../drift-log.js';
import type { LockStore } from '../lock-store.js';
import type { JobKeepingStore } from '../session-jobs.js';
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
import type { KnownNode, NodeBeat, SessionCounts, StatisticsStore } from '../session-statistics.js';
import type { ChangeNote, SessionScope, Touch } from '../session-store.js';
import type {
  LoggedSettings,
  SessionSettingsStore,
  SettingsChange,
  SettingsOutcome,
  StoredSettings,
} from '../settings-store.js';
import { atomically } from './atomically.js';
import { InMemoryCleanup } from './in-memory-cleanup.js';
import { InMemoryJobs } from './in-memory-jobs.js';
import { countsOf, StoredNodes } from './in-memory-statistics.js';
import { RecordedDrifts } from './recorded-drifts.js';
import { eventOf, settingsEventOf } from './session-event.js';
import { hasRunOut, isInScope } from './session-query.js';
import { noted, type SessionTable } from './session-table.js';
import { StoredAddresses } from './stored-addresses.js';
import { StoredLocks } from './stored-locks.js';
import { StoredSettingsTable } from './stored-settings-table.js';

/** What the store can do beside keeping sessions: clean up, count, keep settings, remember addresses, nodes and drift. */
export class InMemoryUpkeepStore
  implements
    AddressHistoryStore,
    SessionSettingsStore,
    SessionCleanupStore,
    StatisticsStore,
    DriftLogStore,
    LockStore,
    JobKeepingStore,
    UserErasureStore
{
  readonly jobs: InMemoryJobs;
  readonly #table: SessionTable;
  readonly #addresses = new StoredAddresses();
  readonly #nodes = new StoredNodes();
  readonly #drifts = new RecordedDrifts();
  readonly #locks = new StoredLocks();
  readonly #cleanup: InMemoryCleanup;
  readonly #settings: StoredSettingsTable;
  readonly #nodeName: string | null;

  protected constructor(table: SessionTable, settings: StoredSettingsTable, nodeName: string | null) {
    this.#table = table;
    this.jobs = new InMemoryJobs(table);
    this.#settings = settings;
    this.#nodeName = nodeName;
    this.#cleanup = new InMemoryCleanup({
      sessions: table.sessions,
      addresses: this.#addresses,
      drifts: this.#drifts,
      scrubbed: (id) => {
        table.undos.settle(id);
      },
      now: () => table.now(),
      effective: (session) => table.cutOffs.effective(session),
      end: (session, reason, now) => table.endForCleanup(session, reason, now),
      forgetOrigins: (id, before) => table.forgetAddresses(id, before),
    });
  }

  origins(scope: SessionScope, id: string): Promise<SessionOrigins | undefined> {
    return atomically(() => {
      const session = this.#table.sessions.get(id);
      if (session === undefined || !isInScope(scope, session)) return undefined;
      return { nodeName: this.#nodeName, addresses: this.#addresses.of(session) };
    });
  }

  recordDrift(id: string, drift: Drift): Promise<boolean> {
    return atomically(() => {
      const [session] = this.#table.liveInScope({ kind: 'all' }, id);
      const at = this.#table.now();
      if (session === undefined || !this.#drifts.record(id, drift, at)) return false;
      const position = { id: this.#table.events.length + 1, at };
      const note = { reason: drift.kind, actor: null, context: loggedContext({}, 'drift') };
      this.#table.events.push(eventOf(session, 'drifted', note, position, null));
      return true;
    });
  }

  erasePage({ tenantId, userId, pseudonym }: Erasure, note: ChangeNote): Promise<ErasedPage> {
    return atomically(() => {
      const now = this.#table.now();
      this.#table.endCutOff({ tenantId, userId }, now);
      const own = [...this.#table.sessions.values()].filter(
        (session) => session.tenantId === tenantId && session.userId === userId && !isLive(session.status),
      );
      const sessions = own.slice(0, ERASURE_PAGE).map((session) => {
        this.#addresses.forget(session.id);
        this.#drifts.forget(session.id);
        return this.#table.erase(session, pseudonym, note, now);
      });
      const entries = sessions.length > 0 ? 0 : this.#table.eraseEvents({ tenantId, userId }, pseudonym, now);
      return { sessions, entries, isDone: sessions.length === 0 && entries === 0 };
    });
  }

  noteErasure(tenantId: string | null, note: ChangeNote): Promise<void> {
    return atomically(() => {
      const position = { id: this.#table.events.length + 1, at: this.#table.now() };
      const whose = { sessionId: null, tenantId, userId: null, version: 0 };
      this.#table.events.push(Object.freeze({ ...position, type: 'user_erased', ...whose, ...noted(note, 'erasure') }));
    });
  }

  acquireLock(key: string, holder: string, leaseMs: number): Promise<number | undefined> {
    return atomically(() => this.#locks.acquire(key, holder, leaseMs, this.#table.now()));
  }

  renewLock(key: string, holder: string, leaseMs: number): Promise<boolean> {
    return atomically(() => this.#locks.renew(key, holder, leaseMs, this.#table.now()));
  }

  releaseLock(key: string, holder: string): Promise<void> {
    return atomically(() => {
      this.#locks.release(key, holder);
    });
  }

  forgetLocks(limit: number): Promise<number> {
    return atomically(() => this.#locks.forget(limit, this.#table.now()));
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
      const outcome = this.#settings.change(change, noted(note), check, this.#table.now());
      if (outcome.kind === 'changed') {
        this.#table.events.push(settingsEventOf(outcome.stored, { id: this.#table.events.length + 1 }));
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
      const now = this.#table.now();
      const isOn = (session: SessionRecord): boolean => isLive(session.status) && !hasRunOut(session, now);
      return countsOf(this.#table.matching({ scope }, now), isOn, now);
    });
  }

  noteNode(beat: NodeBeat, goneAfterMs: number): Promise<void> {
    return atomically(() => {
      this.#nodes.note(beat, goneAfterMs, this.#table.now());
    });
  }

  forgetNode(id: string): Promise<void> {
    return atomically(() => {
      this.#nodes.forget(id);
    });
  }

  listNodes(goneAfterMs: number): Promise<readonly KnownNode[]> {
    return atomically(() => this.#nodes.list(goneAfterMs, this.#table.now()));
  }

  /** Notes from where a session is used, before the touch is carried out. */
  protected noteAddress(session: SessionRecord, touch: Touch): void {
    this.#addresses.note(session, touch);
  }
}
