import type { EntityManager } from 'typeorm';
import { IdentitySessionError } from '../../core/errors.js';
import { isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import { isInScope } from '../../store/memory/session-query.js';
import { EVERYBODY, type ChangeNote, type SessionFilter, type SessionStore } from '../../store/session-store.js';
import type { TouchBuffer } from '../../sync/touch-buffer.js';
import { Session } from '../session/session.js';
import type { SessionWriter } from '../sign-in/session-writer.js';
import type { BulkInput, BulkResult } from './bulk-input.js';
import { endMatching } from './end-matching.js';
import { isProtectedAgainst, isSpared, type ProtectedInclusion, withProtection } from './protection.js';
import { filterOf, isEmptyFilter } from './session-search.js';
import type { EndInput } from './state-changes.js';

/** How administrators end sessions: one by its id, or all that match; protected ones where they are included. */
export class SessionRevocation {
  constructor(
    private readonly store: SessionStore,
    private readonly writer: SessionWriter,
    private readonly touches: TouchBuffer,
    /** Whether what has ended may be asked back. */
    private readonly keepsUndo: boolean,
  ) {}

  /** @see SessionAdminService.revoke */
  async revoke(id: string, input: EndInput & { readonly userId?: string }): Promise<Session | undefined> {
    const { scope = EVERYBODY, manager, userId, includeProtected, ...note } = input;
    // So that its history shows when it was last used.
    await this.touches.flushOne(id);
    const wanted: SessionFilter = { scope, ids: [id], ...(userId === undefined ? {} : { userId }) };
    const [record] = await this.#endPage(manager, { ...wanted, ...withProtection(includeProtected) }, note, 1);
    if (record !== undefined) return new Session(record);
    if (await this.#isProtectedAgainst(manager, wanted, includeProtected)) throw isProtectedAgainst();
    return undefined;
  }

  /** @see SessionAdminService.revokeMatching */
  async revokeMatching(input: BulkInput): Promise<BulkResult> {
    const { filter, manager, scope, includeProtected, dryRun = false, max = Infinity, ...note } = input;
    if (isEmptyFilter(filter)) {
      throw new IdentitySessionError('VALIDATION_FAILED', 'The filter is empty. Say whose sessions shall end.', {
        errors: [{ field: 'filter', message: 'is empty' }],
      });
    }
    const { status = 'unended' } = filter;
    // Nothing has ended that could end.
    if (status !== 'live' && status !== 'unended' && !isLive(status)) return { matched: 0, revoked: 0, more: false };
    const within = filterOf(scope === undefined ? filter : { ...filter, scope });
    const conditions = { ...within, status, ...withProtection(includeProtected) };
    if (dryRun) {
      const matched = await this.store.count(conditions);
      return { matched, revoked: 0, more: matched > max };
    }
    // Who ends all that match means those too that were about to come back.
    if (this.keepsUndo) await this.writer.withdrawUndo(manager, conditions);
    const { revoked, rest } = await endMatching(conditions, max, {
      end: (some, limit) => this.#endPage(manager, some, note, limit),
      listIds: (some, limit) => this.writer.listIds(manager, some, limit),
    });
    const left = rest === null ? 0 : await this.store.count(rest);
    return { matched: revoked + left, revoked, more: left > 0 };
  }

  /** Whether there is a live one that was spared. Protection never changes, so a look afterwards is soon enough. */
  async #isProtectedAgainst(
    manager: EntityManager | undefined,
    { scope, ids: [id = ''] = [], userId }: SessionFilter,
    included: ProtectedInclusion = false,
  ): Promise<boolean> {
    if (included === true) return false;
    const found = await this.writer.read(manager, id);
    if (found === undefined || !isLive(found.status) || !isInScope(scope, found)) return false;
    return (userId === undefined || found.userId === userId) && isSpared(found, included);
  }

  #endPage(
    manager: EntityManager | undefined,
    filter: SessionFilter,
    note: ChangeNote,
    limit: number,
  ): Promise<readonly SessionRecord[]> {
    const end = (store: SessionStore) => store.endMany(filter, 'revoked', { undoable: true, ...note }, limit);
    return this.writer.write(manager, end, (ended) => ended);
  }
}
