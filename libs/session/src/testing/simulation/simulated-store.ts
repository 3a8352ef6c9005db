import { type CutOffScope, cutOffScopeKey, isInCutOffScope, type StoredCutOff } from '../../core/cut-off.js';
import { canBecome, type EndedStatus, isLive } from '../../core/lifecycle.js';
import type { SessionData, SessionRecord, SessionSubject } from '../../core/session.js';
import { meet, withMet } from '../../core/pending.js';
import { decisionFor, planAdmission } from '../../store/memory/admission-plan.js';
import { byId, hasRunOut, isInScope, matches } from '../../store/memory/session-query.js';
import { completion, isReady } from '../../store/memory/slot-changes.js';
import { newSession } from '../../store/memory/stored-session.js';
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
import { SimulatedUndo } from './simulated-undo.js';
import { SimulatedJobs } from './simulated-jobs.js';
import type { SimulatedLink } from './simulated-link.js';
import { holdsSlot, withData, withoutSlot, withSlot } from './simulated-slots.js';
import type { SimulatedTransaction } from './simulated-transaction.js';

const SYSTEM: ChangeNote = { reason: 'simulated', by: null };
/** What a statement takes to run. */
const STATEMENT_MS = 1;

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
  readonly #undo: SimulatedUndo;

  constructor(
    private readonly database: SimulatedDatabase,
    private readonly link: SimulatedLink,
    private readonly client: string,
  ) {
    this.#undo = new SimulatedUndo(database, {
      transaction: (body) => this.#transaction(body),
      endOver: (transaction, userId) => this.#endOver(transaction, userId),
      evict: (transaction, id) => this.#endUncut(transaction, id, 'evicted', SYSTEM),
    });
    this.jobs = new SimulatedJobs(database, {
      transaction: (body) => this.#transaction(body),
      revoke: (transaction, id, job) => {
        const filter = filterOfJob(job);
        const note = { reason: job.reason, by: job.askedBy };
        return this.#endUncut(transaction, id, 'revoked', note, (one) => matches(filter, one, this.database.now()));
      },
    });
  }

  admit(admission: Admission): Promise<AdmitOutcome> {
    return this.#transaction(async (transaction) => {
      await transaction.lock(`subject ${admission.facts.userId}`);
      await this.#statement();
      const earlier = transaction.read(admission.id);
      if (earlier !== undefined) return { kind: 'admitted', session: earlier, evicted: [], ended: [] };
      const ended = await this.#endOver(transaction, admission.facts.userId);
      await this.#statement();
      const { decision, superseded } = this.#plan(admission, transaction);
      if (decision.kind !== 'admit') return { kind: 'rejected', full: [], ended };
      for (const { id } of superseded) {
        const rejected = await this.#endUncut(transaction, id, 'rejected', SYSTEM);
        if (rejected !== undefined) ended.push(rejected);
      }
      const evicted: SessionRecord[] = [];
      for (const id of decision.evict) {
        const victim = await this.#endUncut(transaction, id, 'evicted', SYSTEM);
        if (victim !== undefined) evicted.push(victim);
      }
      const at = Math.floor(this.database.now());
      const cutOffs = this.database.cutOffs.filter(({ cutOff }) => isInCutOffScope(cutOff.scope, admission.facts));
      const createdAt = Math.max(at, ...cutOffs.map(({ cutOff }) => cutOff.notBefore + 1));
      const session = transaction.write(newSession(admission, this.database.nextSequence(), at, createdAt), 'created');
      return { kind: 'admitted', session, evicted, ended };
    });
  }

  meet(scope: SessionScope, { id, requirement, by, isApproval }: Meeting): Promise<MeetOutcome | undefined> {
    return this.#transaction(async (transaction) => {
      await transaction.lock(id);
      const record = transaction.read(id);
      if (record?.pending == null || record.status !== 'pending' || !this.#mayChange(record, scope)) return undefined;
      const decision = meet(record.pending, requirement, by, isApproval);
      if (decision.kind === 'refused') return decision;
      if (decision.kind === 'unchanged') return { kind: 'unchanged', session: record };
      const pending = withMet(record.pending, decision.position, { by, at: Math.floor(this.database.now()) });
      const changed = { ...record, pending, version: record.version + 1 };
      return { kind: 'met', session: transaction.write(changed, 'requirement_met') };
    });
  }

  activate(activation: Activation): Promise<ActivateOutcome> {
    const { facts, id, scope, completes } = activation;
    return this.#transaction(async (transaction) => {
      await transaction.lock(`subject ${facts.userId}`);
      await this.#statement();
      const ended = await this.#endOver(transaction, facts.userId);
      await this.#statement();
      const held = transaction
        .all()
        .filter((one) => one.userId === facts.userId && this.#isUnended(one) && holdsSlot(one) && one.id !== id);
      const seen = transaction.read(id);
      if (seen === undefined || !isReady(seen, completes)) return { kind: 'unchanged', ended };
      const decision = holdsSlot(seen) ? ({ kind: 'admit', evict: [] } as const) : decisionFor(activation, held, false);
      if (decision.kind !== 'admit') return { kind: 'rejected', full: [], ended };
      await transaction.lock(id);
      const record = transaction.read(id);
      if (record === undefined || !isReady(record, completes) || !this.#mayChange(record, scope)) {
        return { kind: 'unchanged', ended };
      }
      const evicted: SessionRecord[] = [];
      for (const victim of decision.evict) {
        const one = await this.#endUncut(transaction, victim, 'evicted', SYSTEM);
        if (one !== undefined) evicted.push(one);
      }
      const now = Math.floor(this.database.now());
      const changes = completes === null ? {} : completion(record, activation, now);
      const active = { ...withSlot(record), ...changes, status: 'active', version: record.version + 1 } as const;
      return { kind: 'activated', session: transaction.write(active, 'activated'), evicted, ended };
    });
  }

  changeStatus(
    scope: SessionScope,
    id: string,
    to: 'active' | 'suspended',
    _note: ChangeNote,
    freesSlot = false,
  ): Promise<SessionRecord | undefined> {
    return this.#transaction(async (transaction) => {
      await transaction.lock(id);
      const record = transaction.read(id);
      if (record === undefined || !isInScope(scope, record) || !this.#isUnended(record)) return undefined;
      if (!canBecome(record.status, to)) return undefined;
      if (to === 'active' && (!holdsSlot(record) || !this.#mayChange(record, scope))) return undefined;
      const before = to === 'suspended' && freesSlot ? withoutSlot(record) : record;
      const changed = { ...before, status: to, version: record.version + 1 };
      return transaction.write(changed, to === 'active' ? 'activated' : 'suspended');
    });
  }

  end(scope: SessionScope, id: string, status: EndedStatus, note: ChangeNote): Promise<SessionRecord | undefined> {
    return this.#transaction((transaction) =>
      this.#endUncut(transaction, id, status, note, (record) => isInScope(scope, record)),
    );
  }

  /** Of sessions by id, as one that is revoked. */
  endMany(filter: SessionFilter, status: EndedStatus, note: ChangeNote, limit: number): Promise<SessionRecord[]> {
    return this.#transaction(async (transaction) => {
      const ended: SessionRecord[] = [];
      for (const id of [...(filter.ids ?? [])].sort().slice(0, limit)) {
        const record = await this.#endUncut(transaction, id, status, note, (one) =>
          matches(filter, one, this.database.now()),
        );
        if (record !== undefined) ended.push(record);
      }
      return ended;
    });
  }

  /** After every other one and every session that lives, whatever the scope. */
  cutOff(scope: CutOffScope, { reason, by }: ChangeNote): Promise<StoredCutOff> {
    return this.#transaction(async (transaction) => {
      await this.#statement();
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
    return this.#transaction(async (transaction) => {
      await transaction.lock(rotation.id);
      const record = transaction.read(rotation.id);
      if (record === undefined || !this.#isUnended(record) || hasRunOut(record, this.database.now() - 1_000)) {
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
    return this.#transaction(async (transaction) => {
      await transaction.lock(id);
      const record = transaction.read(id);
      if (record === undefined || !this.#isUnended(record) || record.status === 'suspended') return undefined;
      return record.dataVersion === fromVersion ? this.#writeData(transaction, record, data) : undefined;
    });
  }

  changeUserData(
    { userId }: SessionSubject,
    change: (session: SessionRecord) => Promise<DataChange | undefined>,
    _note: ChangeNote,
  ): Promise<readonly SessionRecord[]> {
    return this.#transaction(async (transaction) => {
      await transaction.lock(`subject ${userId}`);
      await this.#statement();
      this.#undo.settle(transaction, userId);
      const of = transaction.all().filter((record) => record.userId === userId && this.#isUnended(record));
      const changed: SessionRecord[] = [];
      for (const { id } of of.sort((a, b) => (a.id < b.id ? -1 : 1))) {
        await transaction.lock(id);
        const record = transaction.read(id);
        const asked = record !== undefined && this.#isUnended(record) ? await change(record) : undefined;
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
    return this.#transaction((transaction) => {
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
    return this.#transaction(async (transaction) => {
      await this.#statement();
      const skipped: string[] = [];
      for (const { id, at, ip } of [...touches].sort((a, b) => (a.id < b.id ? -1 : 1))) {
        const record = transaction.read(id);
        if (record === undefined || !this.#isUnended(record)) continue;
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
      await this.#statement();
      const found = ids.flatMap((id) => this.database.rows.get(id) ?? []);
      return { asOf, records: found.map((record) => this.database.effective(record)) };
    });
  }

  listIds(filter: SessionFilter, limit: number): Promise<string[]> {
    return this.link.call(async () => {
      await this.#statement();
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

  #transaction<T>(body: (transaction: SimulatedTransaction) => Promise<T>): Promise<T> {
    return this.link.call(() => this.database.transaction(this.client, body));
  }

  #statement(): Promise<void> {
    const { world, process } = this.database;
    return world.scheduler.pause(process, world.random.between(0, STATEMENT_MS));
  }

  /** Ends what is over of a user's sessions. */
  async #endOver(transaction: SimulatedTransaction, userId: string): Promise<SessionRecord[]> {
    const ended: SessionRecord[] = [];
    for (const record of transaction.all()) {
      if (record.userId !== userId || !this.#isCutOff(record)) continue;
      const revoked = await this.#end(transaction, record.id, 'revoked', { reason: 'cut_off', by: null }, () => true);
      if (revoked !== undefined) ended.push(revoked);
    }
    const now = this.database.now();
    const over = transaction.all().filter((record) => record.userId === userId && this.#isUnended(record));
    for (const { id } of over.filter((record) => hasRunOut(record, now))) {
      const expired = await this.#endUncut(transaction, id, 'expired', SYSTEM, (record) =>
        hasRunOut(record, this.database.now()),
      );
      if (expired !== undefined) ended.push(expired);
    }
    return ended;
  }

  /** Live, in scope and in time, with a grace for touches that are on their way. */
  #mayChange(record: SessionRecord, scope: SessionScope): boolean {
    return isInScope(scope, record) && this.#isUnended(record) && !hasRunOut(record, this.database.now() - 1_000);
  }

  #plan(admission: Admission, transaction: SimulatedTransaction): ReturnType<typeof planAdmission> {
    const sessions = transaction.all().filter((record) => !this.#isCutOff(record));
    return planAdmission(admission, sessions, holdsSlot, false, this.database.now());
  }

  #isCutOff(record: SessionRecord): boolean {
    return isLive(record.status) && this.database.cutOffSince(record) !== undefined;
  }

  #isUnended(record: SessionRecord): boolean {
    return isLive(record.status) && !this.#isCutOff(record);
  }

  /** What a cut-off has ended is over, though nobody has written it down. */
  #endUncut(
    transaction: SimulatedTransaction,
    id: string,
    status: EndedStatus,
    note: ChangeNote,
    applies: (record: SessionRecord) => boolean = () => true,
  ): Promise<SessionRecord | undefined> {
    return this.#end(transaction, id, status, note, (record) => !this.#isCutOff(record) && applies(record));
  }

  async #end(
    transaction: SimulatedTransaction,
    id: string,
    status: EndedStatus,
    note: ChangeNote,
    applies: (record: SessionRecord) => boolean,
  ): Promise<SessionRecord | undefined> {
    const { reason: endReason, by: endedBy } = note;
    await transaction.lock(id);
    // What another transaction did to the row while this one waited counts.
    const record = transaction.read(id);
    if (record === undefined || !canBecome(record.status, status) || !applies(record)) return undefined;
    const endedAt = Math.floor(this.database.now());
    this.#undo.noteEnd(transaction, record, note);
    return transaction.write({ ...record, status, version: record.version + 1, endedAt, endReason, endedBy }, status);
  }
}
