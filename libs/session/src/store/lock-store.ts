/**
 * What a store with leases can do, by which nodes exclude each other; not every store has them. A lease ends by the
 * store's clock whatever becomes of its holder, and holds nothing of the store meanwhile: no connection, no transaction.
 */
export interface LockStore {
  /**
   * Takes a lock for `leaseMs`, unless somebody else holds it: then `undefined`, at once. Gives a number that is higher
   * than what anybody got before for the key; the same one where this holder has it already.
   */
  acquireLock(key: string, holder: string, leaseMs: number): Promise<number | undefined>;
  /** The lease ends `leaseMs` from now. False where the holder has it no more. */
  renewLock(key: string, holder: string, leaseMs: number): Promise<boolean>;
  /** Gives a lock back, if the holder still has it. */
  releaseLock(key: string, holder: string): Promise<void>;
  /** For the cleanup: forgets up to `limit` locks that nobody has held for an hour; gives how many it were. */
  forgetLocks(limit: number): Promise<number>;
}

/** True for a store that has leases. */
export function keepsLocks<TStore extends object>(store: TStore): store is TStore & LockStore {
  return 'acquireLock' in store && 'renewLock' in store && 'releaseLock' in store && 'forgetLocks' in store;
}
