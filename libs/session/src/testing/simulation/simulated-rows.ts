import { canBecome, type EndedStatus, isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import { hasRunOut, isInScope } from '../../store/memory/session-query.js';
import type { ChangeNote, SessionScope } from '../../store/session-store.js';
import type { SimulatedDatabase } from './simulated-database.js';
import type { SimulatedLink } from './simulated-link.js';
import type { SimulatedTransaction } from './simulated-transaction.js';

/** What the store itself does. */
export const SYSTEM: ChangeNote = { reason: 'simulated', by: null };
/** What a statement takes to run. */
const STATEMENT_MS = 1;

/** The rows of sessions as a client changes them: in transactions over its link, under their locks. */
export class SimulatedRows {
  constructor(
    private readonly database: SimulatedDatabase,
    private readonly link: SimulatedLink,
    private readonly client: string,
  ) {}

  transaction<T>(body: (transaction: SimulatedTransaction) => Promise<T>): Promise<T> {
    return this.link.call(() => this.database.transaction(this.client, body));
  }

  statement(): Promise<void> {
    const { world, process } = this.database;
    return world.scheduler.pause(process, world.random.between(0, STATEMENT_MS));
  }

  /** Ends what is over of a user's sessions. */
  async endOver(transaction: SimulatedTransaction, userId: string): Promise<SessionRecord[]> {
    const ended: SessionRecord[] = [];
    for (const record of transaction.all()) {
      if (record.userId !== userId || !this.isCutOff(record)) continue;
      const revoked = await this.#end(transaction, record.id, 'revoked', { reason: 'cut_off', by: null }, () => true);
      if (revoked !== undefined) ended.push(revoked);
    }
    const now = this.database.now();
    const over = transaction.all().filter((record) => record.userId === userId && this.isUnended(record));
    for (const { id } of over.filter((record) => hasRunOut(record, now))) {
      const expired = await this.endUncut(transaction, id, 'expired', SYSTEM, (record) =>
        hasRunOut(record, this.database.now()),
      );
      if (expired !== undefined) ended.push(expired);
    }
    return ended;
  }

  /** Live, in scope and in time, with a grace for touches that are on their way. */
  mayChange(record: SessionRecord, scope: SessionScope): boolean {
    return isInScope(scope, record) && this.isUnended(record) && !hasRunOut(record, this.database.now() - 1_000);
  }

  isCutOff(record: SessionRecord): boolean {
    return isLive(record.status) && this.database.cutOffSince(record) !== undefined;
  }

  isUnended(record: SessionRecord): boolean {
    return isLive(record.status) && !this.isCutOff(record);
  }

  /** What a cut-off has ended is over, though nobody has written it down. */
  endUncut(
    transaction: SimulatedTransaction,
    id: string,
    status: EndedStatus,
    note: ChangeNote,
    applies: (record: SessionRecord) => boolean = () => true,
  ): Promise<SessionRecord | undefined> {
    return this.#end(transaction, id, status, note, (record) => !this.isCutOff(record) && applies(record));
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
    noteEnd(transaction, record, note);
    return transaction.write({ ...record, status, version: record.version + 1, endedAt, endReason, endedBy }, status);
  }
}

/** What somebody else ends can be undone. */
function noteEnd(
  transaction: SimulatedTransaction,
  { id, status, userId }: SessionRecord,
  { undoable, by }: ChangeNote,
): void {
  if (undoable !== true || status !== 'active' || by === userId) return;
  transaction.writeUndo(id, { isOpen: true, restorableUntil: null, restoredAs: null });
}
