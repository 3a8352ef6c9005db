import type { SessionRecord } from '../../core/session.js';
import type { ChangeNote } from '../session-store.js';

/** What is known of a revocation beside the ended session itself. */
export interface StoredUndo {
  /** False once something has changed since. */
  readonly isOpen: boolean;
  readonly restorableUntil: number | null;
  readonly restoredAs: string | null;
}

/** Which revocations can be undone, which were, and what came of it. */
export class StoredUndos {
  readonly #bySession = new Map<string, StoredUndo>();

  of(id: string): StoredUndo | undefined {
    return this.#bySession.get(id);
  }

  set(id: string, undo: StoredUndo): void {
    this.#bySession.set(id, undo);
  }

  /** Notes whether the end of a session, given as it was before, can be undone. */
  ended({ id, status, userId, impersonator }: SessionRecord, { undoable = false, by }: ChangeNote): void {
    if (!undoable || status !== 'active' || impersonator !== null || by === userId) return;
    this.#bySession.set(id, { isOpen: true, restorableUntil: null, restoredAs: null });
  }

  settle(id: string): void {
    const undo = this.#bySession.get(id);
    if (undo !== undefined) this.#bySession.set(id, { ...undo, isOpen: false });
  }
}
