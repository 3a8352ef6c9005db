import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import type { CutOffScope, StoredCutOff } from '../../core/cut-off.js';
import type { EndedStatus } from '../../core/lifecycle.js';
import type { SessionRecord, SessionSubject } from '../../core/session.js';
import { newRotationSalt } from '../rotation-salt.js';
import type { ActivateOutcome, Activation, Meeting, MeetOutcome } from '../session-activation.js';
import type { AddressHistoryStore, SessionOrigins } from '../session-addresses.js';
import type { UserHistoryEntry, UserHistoryStore } from '../session-history.js';
import type { DataChange, DataReplacement } from '../session-data.js';
import {
  type Admission,
  type AdmitOutcome,
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
  type TransactionalSessionStore,
} from '../session-store.js';
import type { Restoration, RestoreOutcome, SessionUndoStore, Undo, UndoOutcome } from '../session-undo.js';
import { activateInTransaction, meetInTransaction } from './activate-transaction.js';
import { admitInTransaction, subjectLock } from './admit-transaction.js';
import { changeKeyed, changeOnce, changeSome } from './change-once.js';
import { changeUserDataInTransaction } from './change-user-data-transaction.js';
import { operationOf } from './operation.js';
import { PostgresUpkeepStore } from './postgres-upkeep-store.js';
import { recordIfAny, recordOf } from './session-row.js';
import { SharedValues } from './shared-values.js';
import { CallerTransaction, OwnConnections, type SqlSession } from './sql-session.js';
import { readOrigins } from './statements/address.statements.js';
import * as change from './statements/change.statements.js';
import * as cutOffs from './statements/cut-off.statements.js';
import { replaceDataOf } from './statements/data.statements.js';
import * as read from './statements/read.statements.js';
import { readHistory, readUserHistory } from './statements/history.statements.js';
import { narrowed } from './statements/candidates.statements.js';
import { readCount, readIds, readPage } from './statements/search.statements.js';
import { touchBatch } from './statements/touch.statements.js';
import { settleUndoOf, withdrawUndoOf } from './statements/undo.statements.js';
import { SubjectQueue } from './subject-queue.js';
import { TransactionOutcome } from './transaction-outcome.js';
import { restoreInTransaction, undoRevocation } from './undo-transaction.js';

/** A sign-in waits this many deadlines for earlier ones of the same user, then fails. */
const QUEUE_DEADLINES = 2;
/** Counting all sessions takes this many deadlines at most; nobody's sign-in waits for it. */
const COUNT_DEADLINES = 6;
/** Only for sign-ins of one user that a caller starts side by side in one transaction. */
const CALLER_WAIT_MS = 60_000;

export interface PostgresSessionStoreOptions {
  /** Stored as the node on which a session began. */
  readonly nodeName?: string;
  /** An operation without an answer for this long fails with `SESSION_STORE_UNAVAILABLE`; 5 000 by default. */
  readonly deadlineMs?: number;
}

/**
 * Sessions in PostgreSQL, on the connections of a TypeORM DataSource. Each verb is one statement, but for admission,
 * which is one transaction under the subject's lock. Conflicts are retried, and so is a lost answer: an operation
 * recognises its own earlier attempt in the log.
 */
export class PostgresSessionStore
  extends PostgresUpkeepStore
  implements TransactionalSessionStore<EntityManager>, AddressHistoryStore, UserHistoryStore, SessionUndoStore
{
  /** Of what is loaded to be kept in memory. */
  readonly #values = new SharedValues();

  private constructor(
    private readonly session: SqlSession,
    /** For what takes its time. */
    private readonly slow: SqlSession,
    private readonly nodeName: string | null,
    private readonly outcome: TransactionOutcome,
    private readonly queue: SubjectQueue,
    private readonly queues: WeakMap<QueryRunner, SubjectQueue>,
  ) {
    super(session, slow);
  }

  /** The store on a DataSource that is or will be initialised. Make one for each DataSource. */
  static on(dataSource: DataSource, options: PostgresSessionStoreOptions = {}): PostgresSessionStore {
    const deadlineMs = options.deadlineMs ?? 5_000;
    return new PostgresSessionStore(
      new OwnConnections(dataSource, deadlineMs),
      new OwnConnections(dataSource, COUNT_DEADLINES * deadlineMs),
      options.nodeName ?? null,
      new TransactionOutcome(dataSource),
      new SubjectQueue(QUEUE_DEADLINES * deadlineMs),
      new WeakMap(),
    );
  }

  /**
   * The same store inside the transaction of a manager: its changes become real, and visible to this node, with the
   * caller's commit. A manager without an open transaction changes nothing about the store.
   * @throws IdentitySessionError `ISOLATION_LEVEL` from `admit` unless the transaction is READ COMMITTED
   */
  within(manager: EntityManager): SessionStore {
    const transaction = CallerTransaction.of(manager, this.outcome);
    if (transaction === undefined) return this;
    // The lock in the database lets everybody in on the connection that holds it.
    let queue = this.queues.get(transaction.runner);
    if (queue === undefined) this.queues.set(transaction.runner, (queue = new SubjectQueue(CALLER_WAIT_MS)));
    return new PostgresSessionStore(transaction, transaction, this.nodeName, this.outcome, queue, this.queues);
  }

  admit(admission: Admission): Promise<AdmitOutcome> {
    return this.queue.run(subjectLock(admission.facts), () =>
      this.session.transaction((sql) => admitInTransaction(sql, admission, this.nodeName)),
    );
  }

  end(scope: SessionScope, id: string, status: EndedStatus, note: ChangeNote): Promise<SessionRecord | undefined> {
    const keyed = { scope, id, type: status };
    return changeOnce(this.session, note, (sql, operation) => change.endOne(sql, scope, id, status, operation), keyed);
  }

  endMany(filter: SessionFilter, status: EndedStatus, note: ChangeNote, limit: number): Promise<SessionRecord[]> {
    const operation = operationOf(note);
    const [id, another] = filter.ids ?? [];
    if (operation.context.key !== undefined && id !== undefined && another === undefined) {
      const keyed = { scope: filter.scope, id, type: status, userId: filter.userId };
      return changeKeyed(this.session, operation, keyed, (sql) =>
        change.endPage(sql, filter, status, operation, limit),
      );
    }
    return changeSome(this.session, operation, async (sql) =>
      change.endPage(sql, await narrowed(sql, filter), status, operation, limit),
    );
  }

  touchMany(touches: readonly Touch[]): Promise<TouchOutcome> {
    return this.session.run(async (sql) => ({ skipped: await touchBatch(sql, touches) }));
  }

  changeStatus(
    scope: SessionScope,
    id: string,
    to: 'active' | 'suspended',
    note: ChangeNote,
    freesSlot = false,
    protectedWithin?: SessionScope | null,
  ): Promise<SessionRecord | undefined> {
    const filter = { scope, ids: [id], ...(protectedWithin === undefined ? {} : { protectedWithin }) };
    return changeOnce(
      this.session,
      note,
      (sql, operation) => change.changeStatusOne(sql, filter, to, operation, freesSlot),
      {
        ...{ scope, id, type: to === 'active' ? 'activated' : to },
      },
    );
  }

  meet(scope: SessionScope, meeting: Meeting): Promise<MeetOutcome | undefined> {
    // A later attempt finds what an earlier one has noted, and leaves it.
    const operation = operationOf({ ...meeting, reason: meeting.requirement });
    return this.session.transaction((sql) => meetInTransaction(sql, scope, meeting, operation));
  }

  activate(activation: Activation, note: ChangeNote): Promise<ActivateOutcome> {
    const operation = operationOf(note);
    return this.queue.run(subjectLock(activation.facts), () =>
      this.session.transaction((sql, attempt) => activateInTransaction(sql, activation, operation, attempt)),
    );
  }

  undo(undo: Undo, note: ChangeNote): Promise<UndoOutcome | undefined> {
    const operation = operationOf(note);
    return this.session.run((sql, attempt) => undoRevocation(sql, undo, operation, attempt));
  }

  restore(restoration: Restoration): Promise<RestoreOutcome> {
    return this.queue.run(subjectLock(restoration.facts), () =>
      this.session.transaction((sql) => restoreInTransaction(sql, restoration, this.nodeName)),
    );
  }

  settleUndo(subject: SessionSubject): Promise<void> {
    return this.session.run((sql) => settleUndoOf(sql, subject, subjectLock(subject)));
  }

  withdrawUndo(filter: SessionFilter): Promise<void> {
    return this.session.run(async (sql) => withdrawUndoOf(sql, await narrowed(sql, filter)));
  }

  rename(
    scope: SessionScope,
    id: string,
    deviceName: string | null,
    note: ChangeNote,
  ): Promise<SessionRecord | undefined> {
    const keyed = { scope, id, type: 'renamed' };
    return changeOnce(
      this.session,
      note,
      (sql, operation) => change.renameOne(sql, scope, id, deviceName, operation),
      keyed,
    );
  }

  replaceData(replacement: DataReplacement, note: ChangeNote): Promise<SessionRecord | undefined> {
    return changeOnce(
      this.session,
      note,
      async (sql, operation) => (await replaceDataOf(sql, [replacement], operation, { alsoSuspended: false }))[0],
      { scope: { kind: 'all' }, id: replacement.id, type: 'data_changed' },
    );
  }

  /** In the queue of the user's sign-ins, and with as much time as what takes its time. */
  changeUserData(
    subject: SessionSubject,
    change: (session: SessionRecord) => Promise<DataChange | undefined>,
    note: ChangeNote,
  ): Promise<SessionRecord[]> {
    const operation = operationOf(note);
    return this.queue.run(subjectLock(subject), () =>
      this.slow.transaction((sql, attempt) => changeUserDataInTransaction(sql, subject, change, operation, attempt)),
    );
  }

  rotate(rotation: Rotation, note: ChangeNote): Promise<SessionRecord | undefined> {
    const salt = newRotationSalt();
    return changeOnce(this.session, note, (sql, operation) => change.rotateOne(sql, rotation, salt, operation));
  }

  cutOff(scope: CutOffScope, note: ChangeNote, includesProtected = false): Promise<StoredCutOff> {
    const operation = operationOf(note);
    return this.session.run(async (sql, attempt) => {
      const earlier = attempt > 1 ? await cutOffs.readCutOffByOperation(sql, operation.operationId) : undefined;
      return earlier ?? cutOffs.upsertCutOff(sql, scope, operation, includesProtected);
    });
  }

  forgetCutOffs(olderThanMs: number): Promise<number> {
    return this.session.run((sql) => cutOffs.deleteCutOffs(sql, olderThanMs));
  }

  findMany(ids: readonly string[]): Promise<Snapshot> {
    return this.session.run(async (sql) => {
      const { asOf, rows } = await read.readMany(sql, ids);
      return { asOf, records: rows.map((row) => recordOf(this.#values.in(row))) };
    });
  }

  findLast(tenantId: string | null, userId: string, deviceId: string): Promise<SessionRecord | undefined> {
    return this.session.run(async (sql) => recordIfAny(await read.readLast(sql, tenantId, userId, deviceId)));
  }

  origins(scope: SessionScope, id: string): Promise<SessionOrigins | undefined> {
    return this.session.run((sql) => readOrigins(sql, scope, id));
  }

  history(scope: SessionScope, id: string, page: HistoryPage): Promise<SessionHistoryEntry[] | undefined> {
    return this.session.run((sql) => readHistory(sql, scope, id, page));
  }

  userHistory(
    scope: SessionScope,
    userId: string,
    page: HistoryPage,
    tenantId?: string | null,
  ): Promise<UserHistoryEntry[]> {
    return this.session.run((sql) => readUserHistory(sql, scope, userId, page, tenantId));
  }

  exists(id: string): Promise<boolean> {
    return this.session.run((sql) => read.readExists(sql, id));
  }

  list(filter: SessionFilter, page: Page): Promise<SessionRecord[]> {
    return this.session.run(async (sql) => (await readPage(sql, await narrowed(sql, filter), page)).map(recordOf));
  }

  count(filter: SessionFilter): Promise<number> {
    return this.slow.run(async (sql) => readCount(sql, await narrowed(sql, filter)));
  }

  listIds(filter: SessionFilter, limit: number): Promise<string[]> {
    return this.slow.run(async (sql) => readIds(sql, await narrowed(sql, filter), Math.min(limit, MOST_IDS)));
  }

  now(): Promise<number> {
    return this.session.run((sql) => read.readNow(sql));
  }

  onCommitted(apply: () => void): void {
    this.session.onCommitted(apply);
  }
}
