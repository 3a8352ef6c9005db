import type { SessionRecord } from '../../core/session.js';
import { digestsEqual } from '../../core/token.js';
import { decisionFor } from '../../store/memory/admission-plan.js';
import { hasRunOut, isInScope } from '../../store/memory/session-query.js';
import { newcomerOf } from '../../store/memory/in-memory-undo.js';
import type { ChangeNote } from '../../store/session-store.js';
import {
  type Restoration,
  restoredLimits,
  type RestoreOutcome,
  type Undo,
  type UndoOutcome,
  type UndoRefusal,
} from '../../store/session-undo.js';
import type { SimulatedDatabase } from './simulated-database.js';
import { type SimulatedRows, SYSTEM } from './simulated-rows.js';
import { holdsSlot } from './simulated-slots.js';
import type { SimulatedTransaction } from './simulated-transaction.js';

/** The verbs of the store that take a revocation back. */
export class SimulatedUndo {
  constructor(
    private readonly database: SimulatedDatabase,
    private readonly rows: SimulatedRows,
  ) {}

  /** Something has changed of the user. */
  settle(transaction: SimulatedTransaction, userId: string): void {
    for (const { id } of transaction.all().filter((record) => record.userId === userId)) {
      const undo = transaction.readUndo(id);
      if (undo !== undefined) transaction.writeUndo(id, { ...undo, isOpen: false });
    }
  }

  undo({ scope, id, windowMs }: Undo, note: ChangeNote): Promise<UndoOutcome | undefined> {
    return this.rows.transaction(async (transaction) => {
      await transaction.lock(id);
      const session = transaction.read(id);
      if (session === undefined || !isInScope(scope, session)) return undefined;
      const refuse = (reason: UndoRefusal): UndoOutcome => ({ kind: 'refused', reason });
      const undo = transaction.readUndo(id);
      if (session.status !== 'revoked' || undo === undefined) return refuse('not_undoable');
      if (session.userId === note.by) return refuse('own_session');
      if (undo.restorableUntil !== null) return refuse('already_undone');
      const restorableUntil = (session.endedAt ?? 0) + windowMs;
      const refusal = this.#refusal(transaction, session, restorableUntil, undo.isOpen);
      if (refusal !== undefined) return refuse(refusal);
      transaction.writeUndo(id, { ...undo, restorableUntil });
      const undone = transaction.write({ ...session, version: session.version + 1 }, 'undone');
      return { kind: 'undone', session: undone, restorableUntil };
    });
  }

  restore(restoration: Restoration): Promise<RestoreOutcome> {
    const { facts, from, presentedDigest } = restoration;
    return this.rows.transaction(async (transaction): Promise<RestoreOutcome> => {
      await transaction.lock(`subject ${facts.userId}`);
      const ended = await this.rows.endOver(transaction, facts.userId);
      await transaction.lock(from);
      const old = transaction.read(from);
      const undo = transaction.readUndo(from);
      const refuse = (reason: UndoRefusal): RestoreOutcome => ({ kind: 'refused', reason, ended });
      if (old === undefined || !digestsEqual(old.tokenDigest, presentedDigest)) return refuse('unknown');
      if (old.status !== 'revoked' || undo?.restorableUntil == null) return refuse('not_undone');
      if (undo.restoredAs !== null) return refuse('used');
      const limits = restoredLimits(old, restoration);
      const until = Math.min(undo.restorableUntil, limits.expiresAt);
      const refusal = this.#refusal(transaction, old, until, undo.isOpen);
      if (refusal !== undefined) return refuse(refusal);
      const held = transaction
        .all()
        .filter((one) => one.userId === facts.userId && this.rows.isUnended(one) && holdsSlot(one));
      const decision = decisionFor(restoration, held, false);
      if (decision.kind !== 'admit') return { kind: 'rejected', full: [], ended };
      const evicted: SessionRecord[] = [];
      for (const id of decision.evict) {
        const victim = await this.rows.endUncut(transaction, id, 'evicted', SYSTEM);
        if (victim !== undefined) evicted.push(victim);
      }
      transaction.writeUndo(from, { ...undo, restoredAs: restoration.id });
      const used = transaction.write({ ...old, version: old.version + 1 }, 'restored');
      const now = Math.floor(this.database.now());
      const sequence = this.database.nextSequence();
      const is = { ...limits, createdAt: now, sequence, scopeKeys: old.scopeKeys, lastAccessedAt: now };
      const session = transaction.write(newcomerOf(old, restoration, is), 'created');
      return { kind: 'restored', session, from: used, evicted, ended };
    });
  }

  #refusal(
    transaction: SimulatedTransaction,
    session: SessionRecord,
    until: number,
    isOpen: boolean,
  ): UndoRefusal | undefined {
    const now = this.database.now();
    if (now >= until || hasRunOut({ ...session, status: 'active' }, now)) return 'too_late';
    const isNewer = ({ userId, createdAt, restoredFrom }: SessionRecord): boolean =>
      userId === session.userId && createdAt > (session.endedAt ?? 0) && restoredFrom === null;
    const isCovered = this.database.cutOffSince(session) !== undefined;
    return !isOpen || isCovered || transaction.all().some(isNewer) ? 'changed' : undefined;
  }
}
