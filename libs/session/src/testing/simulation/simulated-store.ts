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

/** What a statement takes to run. */
const STATEMENT_MS = 1;

/** The verbs of the store that the simulation uses; a node reaches them over its link. */
export class SimulatedStore implements Pick<
  SessionStore,
  'admit' | 'end' | 'endMany' | 'touchMany' | 'rotate' | 'findMany' | 'now' | 'onCommitted'
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
      for (const { id } of this.#plan(admission, transaction).runOut) {
        const expired = await this.#end(transaction, id, 'expired', (record) => hasRunOut(record, this.database.now()));
        if (expired !== undefined) ended.push(expired);
      }
      await this.#statement();
      const { decision } = this.#plan(admission, transaction);
      if (decision.kind !== 'admit') return { kind: 'rejected', full: [], ended };
      const evicted: SessionRecord[] = [];
      for (const id of decision.evict) {
        const victim = await this.#end(transaction, id, 'evicted');
        if (victim !== undefined) evicted.push(victim);
      }
      const at = Math.floor(this.database.now());
      const session = transaction.write(newSession(admission, this.database.nextSequence(), at, at), 'created');
      return { kind: 'admitted', session, evicted, ended };
    });
  }

  end(scope: SessionScope, id: string, status: EndedStatus, _note: ChangeNote): Promise<SessionRecord | undefined> {
    return this.#transaction((transaction) => this.#end(transaction, id, status, (record) => isInScope(scope, record)));
  }

  /** Of sessions by id, as one that is revoked. */
  endMany(filter: SessionFilter, status: EndedStatus, _note: ChangeNote, limit: number): Promise<SessionRecord[]> {
    return this.#transaction(async (transaction) => {
      const ended: SessionRecord[] = [];
      for (const id of [...(filter.ids ?? [])].sort().slice(0, limit)) {
        const record = await this.#end(transaction, id, status, (one) => matches(filter, one, this.database.now()));
        if (record !== undefined) ended.push(record);
      }
      return ended;
    });
  }

  rotate(rotation: Rotation, _note: ChangeNote): Promise<SessionRecord | undefined> {
    return this.#transaction(async (transaction) => {
      await transaction.lock(rotation.id);
      const record = transaction.read(rotation.id);
      if (record === undefined || !isLive(record.status) || hasRunOut(record, this.database.now() - 1_000)) {
        return undefined;
      }
      if (record.tokenGeneration !== rotation.fromGeneration) return undefined;
      const changes = { tokenDigest: rotation.tokenDigest, tokenGeneration: record.tokenGeneration + 1 };
      return transaction.write({ ...record, ...changes, version: record.version + 1 }, 'rotated');
    });
  }

  touchMany(touches: readonly Touch[]): Promise<TouchOutcome> {
    return this.#transaction(async (transaction) => {
      await this.#statement();
      const skipped: string[] = [];
      for (const { id, at, ip } of [...touches].sort((a, b) => (a.id < b.id ? -1 : 1))) {
        const record = transaction.read(id);
        if (record === undefined || !isLive(record.status)) continue;
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
      return { asOf, records: ids.flatMap((id) => this.database.rows.get(id) ?? []) };
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
    return planAdmission(admission, transaction.all(), false, this.database.now());
  }

  async #end(
    transaction: SimulatedTransaction,
    id: string,
    status: EndedStatus,
    applies: (record: SessionRecord) => boolean = () => true,
  ): Promise<SessionRecord | undefined> {
    await transaction.lock(id);
    // What another transaction did to the row while this one waited counts.
    const record = transaction.read(id);
    if (record === undefined || !canBecome(record.status, status) || !applies(record)) return undefined;
    const endedAt = Math.floor(this.database.now());
    return transaction.write({ ...record, status, version: record.version + 1, endedAt }, status);
  }
}
