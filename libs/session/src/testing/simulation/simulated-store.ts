import { type CutOffScope, cutOffScopeKey, isInCutOffScope, type StoredCutOff } from '../../core/cut-off.js';
import { canBecome, type EndedStatus, isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import { planAdmission } from '../../store/memory/admission-plan.js';
import { hasRunOut, isInScope, matches } from '../../store/memory/session-query.js';
import { newSession } from '../../store/memory/stored-session.js';
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
import type { SimulatedDatabase } from './simulated-database.js';
import type { SimulatedLink } from './simulated-link.js';
import type { SimulatedTransaction } from './simulated-transaction.js';

const SYSTEM: ChangeNote = { reason: 'simulated', by: null };
/** What a statement takes to run. */
const STATEMENT_MS = 1;

/** The verbs of the store that the simulation uses; a node reaches them over its link. */
export class SimulatedStore implements Pick<
  SessionStore,
  'admit' | 'end' | 'endMany' | 'cutOff' | 'touchMany' | 'rotate' | 'findMany' | 'now' | 'onCommitted'
> {
  constructor(
    private readonly database: SimulatedDatabase,
    private readonly link: SimulatedLink,
    private readonly client: string,
  ) {}

  admit(admission: Admission): Promise<AdmitOutcome> {
    return this.#transaction(async (transaction) => {
      await transaction.lock(`subject ${admission.facts.userId}`);
      await this.#statement();
      const earlier = transaction.read(admission.id);
      if (earlier !== undefined) return { kind: 'admitted', session: earlier, evicted: [], ended: [] };
      const ended: SessionRecord[] = [];
      for (const record of transaction.all()) {
        if (record.userId !== admission.facts.userId || !this.#isCutOff(record)) continue;
        const revoked = await this.#end(transaction, record.id, 'revoked', { reason: 'cut_off', by: null }, () => true);
        if (revoked !== undefined) ended.push(revoked);
      }
      for (const { id } of this.#plan(admission, transaction).runOut) {
        const expired = await this.#endUncut(transaction, id, 'expired', SYSTEM, (record) =>
          hasRunOut(record, this.database.now()),
        );
        if (expired !== undefined) ended.push(expired);
      }
      await this.#statement();
      const { decision } = this.#plan(admission, transaction);
      if (decision.kind !== 'admit') return { kind: 'rejected', full: [], ended };
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
      if (record.tokenGeneration !== rotation.fromGeneration) return undefined;
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

  now(): Promise<number> {
    return this.link.call(() => Promise.resolve(this.database.now()));
  }

  onCommitted(apply: () => void): void {
    apply();
  }

  #transaction<T>(body: (transaction: SimulatedTransaction) => Promise<T>): Promise<T> {
    return this.link.call(() => this.database.transaction(this.client, body));
  }

  #statement(): Promise<void> {
    const { world, process } = this.database;
    return world.scheduler.pause(process, world.random.between(0, STATEMENT_MS));
  }

  #plan(admission: Admission, transaction: SimulatedTransaction): ReturnType<typeof planAdmission> {
    const sessions = transaction.all().filter((record) => !this.#isCutOff(record));
    return planAdmission(admission, sessions, ({ status }) => status !== 'pending', false, this.database.now());
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
    { reason: endReason, by: endedBy }: ChangeNote,
    applies: (record: SessionRecord) => boolean,
  ): Promise<SessionRecord | undefined> {
    await transaction.lock(id);
    // What another transaction did to the row while this one waited counts.
    const record = transaction.read(id);
    if (record === undefined || !canBecome(record.status, status) || !applies(record)) return undefined;
    const endedAt = Math.floor(this.database.now());
    return transaction.write({ ...record, status, version: record.version + 1, endedAt, endReason, endedBy }, status);
  }
}
