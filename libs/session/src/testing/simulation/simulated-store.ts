import { type CutOffScope, cutOffScopeKey, type StoredCutOff } from '../../core/cut-off.js';
import { canBecome, type EndedStatus, isLive } from '../../core/lifecycle.js';
import type { SessionData, SessionRecord, SessionSubject } from '../../core/session.js';
import { byId, hasRunOut, isInScope, matches } from '../../store/memory/session-query.js';
import type { ActivateOutcome, Activation, Meeting, MeetOutcome } from '../../store/session-activation.js';
import type { DataChange, DataReplacement } from '../../store/session-data.js';
import type {
  Admission,
  AdmitOutcome,
  ChangeNote,
  Rotation,
  SessionFilter,
  SessionScope,
  SessionStore,
  Snapshot,
  Touch,
  TouchOutcome,
} from '../../store/session-store.js';
import { filterOfJob } from '../../store/session-jobs.js';
import type { Restoration, RestoreOutcome, Undo, UndoOutcome } from '../../store/session-undo.js';
import type { SimulatedDatabase } from './simulated-database.js';
import { SimulatedAdmissions } from './simulated-admissions.js';
import { SimulatedUndo } from './simulated-undo.js';
import { SimulatedJobs } from './simulated-jobs.js';
import type { SimulatedLink } from './simulated-link.js';
import { SimulatedRows } from './simulated-rows.js';
import { holdsSlot, withData, withoutSlot } from './simulated-slots.js';
import type { SimulatedTransaction } from './simulated-transaction.js';

/** The verbs of the store that the simulation uses; a node reaches them over its link. */
export class SimulatedStore implements Pick<
  SessionStore,
  | 'admit'
  | 'meet'
  | 'activate'
  | 'changeStatus'
  | 'end'
  | 'endMany'
  | 'cutOff'
  | 'touchMany'
  | 'rotate'
  | 'replaceData'
  | 'changeUserData'
  | 'findMany'
  | 'listIds'
  | 'list'
  | 'now'
  | 'onCommitted'
> {
  readonly jobs: SimulatedJobs;
  readonly #rows: SimulatedRows;
  readonly #admissions: SimulatedAdmissions;
  readonly #undo: SimulatedUndo;

  constructor(
    private readonly database: SimulatedDatabase,
    private readonly link: SimulatedLink,
    client: string,
  ) {
    const rows = (this.#rows = new SimulatedRows(database, link, client));
    this.#admissions = new SimulatedAdmissions(database, rows);
    this.#undo = new SimulatedUndo(database, rows);
    this.jobs = new SimulatedJobs(database, {
      transaction: (body) => rows.transaction(body),
      revoke: (transaction, id, job) => {
        const filter = filterOfJob(job);
        const note = { reason: job.reason, by: job.askedBy };
        return rows.endUncut(transaction, id, 'revoked', note, (one) => matches(filter, one, database.now()));
      },
    });
  }

  admit(admission: Admission): Promise<AdmitOutcome> {
    return this.#admissions.admit(admission);
  }

  meet(scope: SessionScope, meeting: Meeting): Promise<MeetOutcome | undefined> {
    return this.#admissions.meet(scope, meeting);
  }

  activate(activation: Activation): Promise<ActivateOutcome> {
    return this.#admissions.activate(activation);
  }

  changeStatus(
    scope: SessionScope,
    id: string,
    to: 'active' | 'suspended',
    _note: ChangeNote,
    freesSlot = false,
  ): Promise<SessionRecord | undefined> {
    return this.#rows.transaction(async (transaction) => {
      await transaction.lock(id);
      const record = transaction.read(id);
      if (record === undefined || !isInScope(scope, record) || !this.#rows.isUnended(record)) return undefined;
      if (!canBecome(record.status, to)) return undefined;
      if (to === 'active' && (!holdsSlot(record) || !this.#rows.mayChange(record, scope))) return undefined;
      const before = to === 'suspended' && freesSlot ? withoutSlot(record) : record;
      const changed = { ...before, status: to, version: record.version + 1 };
      return transaction.write(changed, to === 'active' ? 'activated' : 'suspended');
    });
  }

  end(scope: SessionScope, id: string, status: EndedStatus, note: ChangeNote): Promise<SessionRecord | undefined> {
    return this.#rows.transaction((transaction) =>
      this.#rows.endUncut(transaction, id, status, note, (record) => isInScope(scope, record)),
    );
  }

  /** Of sessions by id, as one that is revoked. */
  endMany(filter: SessionFilter, status: EndedStatus, note: ChangeNote, limit: number): Promise<SessionRecord[]> {
    return this.#rows.transaction(async (transaction) => {
      const ended: SessionRecord[] = [];
      for (const id of [...(filter.ids ?? [])].sort().slice(0, limit)) {
        const record = await this.#rows.endUncut(transaction, id, status, note, (one) =>
          matches(filter, one, this.database.now()),
        );
        if (record !== undefined) ended.push(record);
      }
      return ended;
    });
  }

  /** After every other one and every session that lives, whatever the scope. */
  cutOff(scope: CutOffScope, { reason, by }: ChangeNote): Promise<StoredCutOff> {
    return this.#rows.transaction(async (transaction) => {
      await this.#rows.statement();
      const { cutOffs, rows } = this.database;
      const live = [...rows.values()].filter(({ status }) => isLive(status));
      const earlier = cutOffs.map(({ cutOff }) => cutOff.notBefore + 1);
      const now = Math.floor(this.database.now());
      const notBefore = Math.max(now, ...earlier, ...live.map(({ createdAt }) => createdAt));
      await transaction.lock(`cut-off ${cutOffScopeKey(scope)}`);
      transaction.writeCutOff({ scope, notBefore });
      return { scope, notBefore, version: 1, reason, by };
    });
  }

  rotate(rotation: Rotation, _note: ChangeNote): Promise<SessionRecord | undefined> {
    return this.#rows.transaction(async (transaction) => {
      await transaction.lock(rotation.id);
      const record = transaction.read(rotation.id);
      if (record === undefined || !this.#rows.isUnended(record) || hasRunOut(record, this.database.now() - 1_000)) {
        return undefined;
      }
      if (record.status !== 'active' || record.tokenGeneration !== rotation.fromGeneration) return undefined;
      const { tokenDigest: digest, assurance, authenticatedAt } = record;
      const changes = {
        tokenDigest: rotation.tokenDigest,
        tokenGeneration: record.tokenGeneration + 1,
        previous: rotation.previous === undefined ? null : { digest, assurance, authenticatedAt, ...rotation.previous },
        rotatedAt: Math.floor(this.database.now()),
      };
      return transaction.write({ ...record, ...changes, version: record.version + 1 }, 'rotated');
    });
  }

  replaceData({ id, fromVersion, data }: DataReplacement, _note: ChangeNote): Promise<SessionRecord | undefined> {
    return this.#rows.transaction(async (transaction) => {
      await transaction.lock(id);
      const record = transaction.read(id);
      if (record === undefined || !this.#rows.isUnended(record) || record.status === 'suspended') return undefined;
      return record.dataVersion === fromVersion ? this.#writeData(transaction, record, data) : undefined;
    });
  }

  changeUserData(
    { userId }: SessionSubject,
    change: (session: SessionRecord) => Promise<DataChange | undefined>,
    _note: ChangeNote,
  ): Promise<readonly SessionRecord[]> {
    return this.#rows.transaction(async (transaction) => {
      await transaction.lock(`subject ${userId}`);
      await this.#rows.statement();
      this.#undo.settle(transaction, userId);
      const of = transaction.all().filter((record) => record.userId === userId && this.#rows.isUnended(record));
      const changed: SessionRecord[] = [];
      for (const { id } of of.sort((a, b) => (a.id < b.id ? -1 : 1))) {
        await transaction.lock(id);
        const record = transaction.read(id);
        const asked = record !== undefined && this.#rows.isUnended(record) ? await change(record) : undefined;
        if (record !== undefined && asked !== undefined) changed.push(this.#writeData(transaction, record, asked.data));
      }
      return changed;
    });
  }

  undo(undo: Undo, note: ChangeNote): Promise<UndoOutcome | undefined> {
    return this.#undo.undo(undo, note);
  }

  restore(restoration: Restoration): Promise<RestoreOutcome> {
    return this.#undo.restore(restoration);
  }

  settleUndo({ userId }: SessionSubject): Promise<void> {
    return this.#rows.transaction((transaction) => {
      this.#undo.settle(transaction, userId);
      return Promise.resolve();
    });
  }

  withdrawUndo(): Promise<void> {
    return Promise.resolve();
  }

  list({ ids = [] }: SessionFilter): Promise<SessionRecord[]> {
    return this.link.call(() => Promise.resolve(ids.flatMap((id) => this.database.rows.get(id) ?? [])));
  }

  touchMany(touches: readonly Touch[]): Promise<TouchOutcome> {
    return this.#rows.transaction(async (transaction) => {
      await this.#rows.statement();
      const skipped: string[] = [];
      for (const { id, at, ip } of [...touches].sort((a, b) => (a.id < b.id ? -1 : 1))) {
        const record = transaction.read(id);
        if (record === undefined || !this.#rows.isUnended(record)) continue;
        if (!transaction.tryLock(id)) {
          skipped.push(id);
          continue;
        }
        const lastAccessedAt = Math.max(record.lastAccessedAt, Math.min(at, Math.floor(this.database.now())));
        const lastIp = at < record.lastAccessedAt ? record.lastIp : (ip ?? record.lastIp);
        transaction.write({ ...record, lastAccessedAt, lastIp }, null);
      }
      return { skipped };
    });
  }

  findMany(ids: readonly string[]): Promise<Snapshot> {
    return this.link.call(async () => {
      const asOf = this.database.now();
      await this.#rows.statement();
      const found = ids.flatMap((id) => this.database.rows.get(id) ?? []);
      return { asOf, records: found.map((record) => this.database.effective(record)) };
    });
  }

  listIds(filter: SessionFilter, limit: number): Promise<string[]> {
    return this.link.call(async () => {
      await this.#rows.statement();
      const found = [...this.database.rows.values()].filter((record) =>
        matches(filter, this.database.effective(record), this.database.now()),
      );
      return found
        .sort(byId)
        .slice(0, limit)
        .map(({ id }) => id);
    });
  }

  now(): Promise<number> {
    return this.link.call(() => Promise.resolve(this.database.now()));
  }

  onCommitted(apply: () => void): void {
    apply();
  }

  #writeData(transaction: SimulatedTransaction, record: SessionRecord, data: SessionData): SessionRecord {
    const { version, dataVersion } = record;
    const changes = { data: withData(record, data), version: version + 1, dataVersion: dataVersion + 1 };
    return transaction.write({ ...record, ...changes }, 'data_changed');
  }
}
