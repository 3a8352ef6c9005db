import type { WalkPage, WalkPosition, WalkRules } from '../session-cleanup.js';
import type { SqlExecutor } from './sql-executor.js';
import { readWalkPage } from './statements/cleanup.statements.js';
import { endInactive } from './statements/end-overdue.statements.js';
import { scrubLive } from './statements/scrub.statements.js';

/**
 * One page of live sessions, inside a transaction: read without locks, since most of them are none of its business; what
 * seems to be is decided under the lock.
 */
export async function walkInTransaction(
  sql: SqlExecutor,
  rules: WalkRules,
  after: WalkPosition | null,
  limit: number,
): Promise<WalkPage> {
  const { inactiveAfterMs, scrubAfterMs } = rules;
  const page = await readWalkPage(sql, rules, after, limit);
  const inactive = page.filter((row) => row.is_inactive).map(({ id }) => id);
  const addressed = page.filter((row) => row.has_old_address && !row.is_inactive).map(({ id }) => id);
  const { ended } =
    inactiveAfterMs === undefined || inactive.length === 0
      ? { ended: [] }
      : await endInactive(sql, { ...rules, inactiveAfterMs }, inactive);
  const scrubbed =
    scrubAfterMs === undefined || addressed.length === 0 ? 0 : await scrubLive(sql, scrubAfterMs, addressed);
  const last = page.length < limit ? undefined : page.at(-1);
  return {
    ended,
    seen: page.length,
    scrubbed,
    last: last === undefined ? null : { createdAt: last.created_at, id: last.id },
  };
}
