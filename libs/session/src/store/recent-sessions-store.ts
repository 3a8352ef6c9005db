/** What a store can do for a node that warms its memory at start; not every store does. */
export interface RecentSessionsStore {
  /** Ids of the live sessions that were last used most recently, by what is written of that; those first. */
  findRecent(limit: number): Promise<readonly string[]>;
}

/** True for a store that knows which sessions were used last. */
export function knowsRecent<TStore extends object>(store: TStore): store is TStore & RecentSessionsStore {
  return 'findRecent' in store;
}
