import type { CutOff } from '../../core/cut-off.js';
import type { SessionRecord } from '../../core/session.js';
import type { StoredUndo } from '../../store/memory/stored-undos.js';
import type { SimulatedDatabase, SimulatedJob, SimulatedWrite } from './simulated-database.js';

/** One transaction: it sees what is committed and its own writes, and holds its locks to its end. */
export class SimulatedTransaction {
  #xid: number | undefined;
  readonly #locks: string[] = [];
  readonly #writes = new Map<string, Extract<SimulatedWrite, { readonly record: SessionRecord }>[]>();
  readonly #jobs = new Map<string, SimulatedJob>();
  readonly #undos = new Map<string, StoredUndo>();
  #cutOff: CutOff | undefined;

  constructor(
    private readonly database: SimulatedDatabase,
    private readonly client: string,
  ) {}

  get hasWritten(): boolean {
    return this.#xid !== undefined;
  }

  /** Waits for the lock of a row or a subject. */
  async lock(key: string): Promise<void> {
    if (this.#locks.includes(key)) return;
    await new Promise<void>((resolve) => {
      this.database.lock(key, resolve);
    });
    this.#locks.push(key);
  }

  /** Takes the lock if it is free. */
  tryLock(key: string): boolean {
    if (this.#locks.includes(key)) return true;
    if (!this.database.tryLock(key)) return false;
    this.#locks.push(key);
    return true;
  }

  read(id: string): SessionRecord | undefined {
    return this.#writes.get(id)?.at(-1)?.record ?? this.database.rows.get(id);
  }

  /** Every session, with this transaction's own writes. */
  all(): SessionRecord[] {
    const ids = new Set([...this.database.rows.keys(), ...this.#writes.keys()]);
    return [...ids].flatMap((id) => this.read(id) ?? []);
  }

  /** Writes a row and, unless `event` is `null`, its row in the log. The first write gives the transaction its id. */
  write(record: SessionRecord, event: string | null): SessionRecord {
    this.#xid ??= this.database.transactionIds.begin();
    const frozen = Object.freeze(record);
    const writes = this.#writes.get(record.id);
    if (writes === undefined) this.#writes.set(record.id, [{ record: frozen, event }]);
    else writes.push({ record: frozen, event });
    return frozen;
  }

  /** Writes a cut-off and its row in the log. One to a transaction. */
  writeCutOff(cutOff: CutOff): void {
    this.#xid ??= this.database.transactionIds.begin();
    this.#cutOff = cutOff;
  }

  readJob(id: string): SimulatedJob | undefined {
    return this.#jobs.get(id) ?? this.database.jobs.get(id);
  }

  writeJob(job: SimulatedJob): SimulatedJob {
    this.#xid ??= this.database.transactionIds.begin();
    const frozen = Object.freeze(job);
    this.#jobs.set(job.id, frozen);
    return frozen;
  }

  readUndo(session: string): StoredUndo | undefined {
    return this.#undos.get(session) ?? this.database.undos.get(session);
  }

  /** Goes with the session's row. */
  writeUndo(session: string, undo: StoredUndo): void {
    this.#xid ??= this.database.transactionIds.begin();
    this.#undos.set(session, undo);
  }

  commit(): void {
    if (this.#xid !== undefined) {
      this.database.transactionIds.end(this.#xid, true);
      for (const [session, undo] of this.#undos) this.database.undos.set(session, undo);
      const cutOff = this.#cutOff === undefined ? [] : [{ cutOff: this.#cutOff }];
      this.database.publish(
        this.client,
        this.#xid,
        [...[...this.#writes.values()].flat(), ...cutOff],
        [...this.#jobs.values()],
      );
    }
    this.#release();
  }

  rollback(): void {
    if (this.#xid !== undefined) this.database.transactionIds.end(this.#xid, false);
    this.#release();
  }

  #release(): void {
    for (const key of this.#locks) this.database.unlock(key);
  }
}
