import type { Drift, DriftLogStore } from '../drift-log.js';
import type { LockStore } from '../lock-store.js';
import type { LogUpkeepStore } from '../log-upkeep.js';
import type { JobKeepingStore } from '../session-jobs.js';
import type { RecentSessionsStore } from '../recent-sessions-store.js';
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
import type { ChangeNote, SessionScope } from '../session-store.js';
import type {
  LoggedSettings,
  SessionSettingsStore,
  SettingsChange,
  SettingsOutcome,
  StoredSettings,
} from '../settings-store.js';
import { changeSettingsInTransaction } from './change-settings-transaction.js';
import { type ErasedPage, type Erasure, ERASURE_PAGE, type UserErasureStore } from '../user-erasure.js';
import { operationOf } from './operation.js';
import { PostgresJobStore } from './postgres-job-store.js';
import type { SqlSession } from './sql-session.js';
import * as cleanup from './statements/cleanup.statements.js';
import { insertDrift } from './statements/drift.statements.js';
import * as overdue from './statements/end-overdue.statements.js';
import {
  eraseElsewhere,
  eraseEntries,
  eraseSessions,
  insertErasure,
  isErased,
} from './statements/erasure.statements.js';
import * as locks from './statements/lock.statements.js';
import * as nodes from './statements/node.statements.js';
import { readRecent } from './statements/recent.statements.js';
import { scrubEnded } from './statements/scrub.statements.js';
import * as settings from './statements/setting.statements.js';
import { readCounts } from './statements/stats.statements.js';
import * as upkeep from './statements/upkeep.statements.js';
import { walkInTransaction } from './walk-transaction.js';

/** What the store can do beside keeping sessions: clean up, count, keep settings and locks, remember nodes and drift. */
export class PostgresUpkeepStore
  implements
    LogUpkeepStore,
    SessionSettingsStore,
    SessionCleanupStore,
    RecentSessionsStore,
    StatisticsStore,
    DriftLogStore,
    LockStore,
    JobKeepingStore,
    UserErasureStore
{
  readonly jobs: PostgresJobStore;
  readonly #session: SqlSession;
  /** For what takes its time. */
  readonly #slow: SqlSession;

  protected constructor(session: SqlSession, slow: SqlSession) {
    this.#session = session;
    this.#slow = slow;
    this.jobs = new PostgresJobStore(session);
  }

  forgetChanges(retentionMs: number, limit: number): Promise<number> {
    return this.#session.run((sql) => upkeep.deleteOldEvents(sql, retentionMs, limit));
  }

  forgetQuestions(limit: number): Promise<number> {
    return this.#session.run((sql) => upkeep.deleteOldQuestions(sql, limit));
  }

  settleRestored(limit: number): Promise<number> {
    return this.#session.run((sql) => upkeep.settleRestoredEvents(sql, limit));
  }

  // In transactions of a known level: with a stricter one, a row that was touched meanwhile would fail the batch.

  endDue(rules: CleanupRules, limit: number): Promise<CleanupBatch> {
    return this.#session.transaction((sql) => overdue.endDueBatch(sql, rules, limit));
  }

  endCutOff(limit: number): Promise<CleanupBatch> {
    return this.#session.transaction((sql) => overdue.endCutOffBatch(sql, limit));
  }

  claimWalk(everyMs: number): Promise<boolean> {
    return this.#session.transaction((sql) => cleanup.claimWalk(sql, everyMs));
  }

  walkLive(rules: WalkRules, after: WalkPosition | null, limit: number): Promise<WalkPage> {
    return this.#session.transaction((sql) => walkInTransaction(sql, rules, after, limit));
  }

  removeEnded(retentionMs: number, limit: number): Promise<number> {
    return this.#session.transaction((sql) => cleanup.deleteEnded(sql, retentionMs, limit));
  }

  scrubEnded(afterMs: number, limit: number): Promise<number> {
    return this.#session.transaction((sql) => scrubEnded(sql, afterMs, limit));
  }

  noteCleanupRun(): Promise<void> {
    return this.#session.transaction((sql) => cleanup.noteRun(sql));
  }

  cleanupState(): Promise<CleanupState> {
    return this.#session.run((sql) => cleanup.readCleanupState(sql));
  }

  findRecent(limit: number): Promise<string[]> {
    return this.#session.run((sql) => readRecent(sql, limit));
  }

  findSettings(tenantId: string | null): Promise<readonly StoredSettings[]> {
    return this.#session.run((sql) => settings.readSettings(sql, tenantId));
  }

  changeSettings(
    change: SettingsChange,
    note: ChangeNote,
    check: (stored: readonly StoredSettings[]) => void,
  ): Promise<SettingsOutcome> {
    const operation = operationOf(note);
    return this.#session.transaction((sql, attempt) =>
      changeSettingsInTransaction(sql, change, operation, check, attempt > 1),
    );
  }

  settingsHistory(tenantId: string | null, limit: number): Promise<LoggedSettings[]> {
    return this.#session.run((sql) => settings.readSettingsHistory(sql, tenantId, limit));
  }

  countSessions(scope: SessionScope): Promise<SessionCounts> {
    return this.#slow.run((sql) => readCounts(sql, scope));
  }

  noteNode(beat: NodeBeat, goneAfterMs: number): Promise<void> {
    return this.#session.run((sql) => nodes.upsertNode(sql, beat, goneAfterMs));
  }

  forgetNode(id: string): Promise<void> {
    return this.#session.run((sql) => nodes.deleteNode(sql, id));
  }

  listNodes(goneAfterMs: number): Promise<readonly KnownNode[]> {
    return this.#session.run((sql) => nodes.readNodes(sql, goneAfterMs));
  }

  acquireLock(key: string, holder: string, leaseMs: number): Promise<number | undefined> {
    return this.#session.run((sql) => locks.acquireLock(sql, key, holder, leaseMs));
  }

  renewLock(key: string, holder: string, leaseMs: number): Promise<boolean> {
    return this.#session.run((sql) => locks.renewLock(sql, key, holder, leaseMs));
  }

  releaseLock(key: string, holder: string): Promise<void> {
    return this.#session.run((sql) => locks.releaseLock(sql, key, holder));
  }

  forgetLocks(limit: number): Promise<number> {
    return this.#session.run((sql) => locks.deleteOldLocks(sql, limit));
  }

  /** Ended sessions first: what is in the log of those that are not the user's any more can be stripped then. */
  erasePage(erasure: Erasure, note: ChangeNote): Promise<ErasedPage> {
    const operation = operationOf(note, 'erasure');
    return this.#slow.transaction(async (sql) => {
      const written = await overdue.endCutOffOfUser(sql, erasure, ERASURE_PAGE);
      if (written.seen > 0) return { sessions: written.ended, entries: 0, isDone: false };
      const sessions = await eraseSessions(sql, erasure, operation);
      if (sessions.length > 0) return { sessions, entries: 0, isDone: false };
      const entries = await eraseEntries(sql, erasure);
      if (entries > 0) return { sessions, entries, isDone: false };
      await eraseElsewhere(sql, erasure);
      return { sessions, entries, isDone: await isErased(sql, erasure) };
    });
  }

  noteErasure(tenantId: string | null, note: ChangeNote, erased: { sessions: number; entries: number }): Promise<void> {
    const operation = operationOf(note, 'erasure');
    return this.#session.run((sql) => insertErasure(sql, tenantId, operation, erased));
  }

  recordDrift(id: string, drift: Drift): Promise<boolean> {
    return this.#session.run((sql) => insertDrift(sql, id, drift));
  }
}
