/**
 * What a store with a change log can do to keep it in order; not every store has one. Each call is one short batch that
 * waits for nobody: where another node is at the same task, it does nothing.
 */
export interface LogUpkeepStore {
  /** Removes up to `limit` changes that are older than `retentionMs` by the store's clock; gives how many it were. */
  forgetChanges(retentionMs: number, limit: number): Promise<number>;
  /** Removes up to `limit` questions of the policy that can no longer be answered; gives how many it were. */
  forgetQuestions(limit: number): Promise<number>;
  /**
   * Settles up to `limit` changes that came with a restored backup and would count as new once the server has given out
   * their transaction ids itself; gives how many it were.
   */
  settleRestored(limit: number): Promise<number>;
}

/** True for a store that has a change log to be kept in order. */
export function keepsLog<TStore extends object>(store: TStore): store is TStore & LogUpkeepStore {
  return 'forgetChanges' in store && 'forgetQuestions' in store && 'settleRestored' in store;
}
