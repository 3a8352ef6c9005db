import type { SessionRecord } from '../../core/session.js';
import { BULK_PAGE, MOST_IDS, type SessionFilter } from '../../store/session-store.js';

/** What a bulk needs of the store. */
export interface BulkStore {
  /** As `SessionStore.endMany`. */
  end(filter: SessionFilter, limit: number): Promise<readonly SessionRecord[]>;
  /** As `SessionStore.listIds`. */
  listIds(filter: SessionFilter, limit: number): Promise<readonly string[]>;
}

/**
 * Ends up to `max` sessions that match, in pages, in id order. `rest` is what those match that may be left; `null` where
 * none is, but for sessions that have come to match meanwhile.
 */
export async function endMatching(
  filter: SessionFilter,
  max: number,
  store: BulkStore,
): Promise<{ readonly revoked: number; readonly rest: SessionFilter | null }> {
  const limit = Math.min(BULK_PAGE, max);
  const first = await store.end(filter, limit);
  if (first.length < limit) return { revoked: first.length, rest: null };
  let revoked = first.length;
  let rest: SessionFilter = { ...filter, afterId: first.reduce((last, { id }) => (id > last ? id : last), '') };
  while (revoked < max) {
    // To find a page in id order, all that matches is looked at: so many pages are found at once, and ended by their ids.
    // The filter goes with the ids, and decides again under the lock of each row.
    const most = Math.min(MOST_IDS, max - revoked);
    const ids = await store.listIds(rest, most);
    for (let from = 0; from < ids.length; from += BULK_PAGE) {
      const page = ids.slice(from, from + BULK_PAGE);
      revoked += (await store.end({ ...filter, ids: page }, page.length)).length;
    }
    if (ids.length < most) return { revoked, rest: null };
    rest = { ...filter, afterId: ids.at(-1) ?? '' };
  }
  return { revoked, rest };
}
