import { IdentitySessionError } from '../../core/errors.js';
import { isSessionId } from '../../core/token.js';
import { keepsUndo } from '../../store/session-undo.js';
import type { SessionScope, SessionStore } from '../../store/session-store.js';
import type { HookedOperations } from '../hooks/hooked-operations.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { Session } from '../session/session.js';
import type { SessionWriter } from '../sign-in/session-writer.js';
import { isProtectedAgainst, isSpared } from './protection.js';
import type { RevokeInput } from './state-changes.js';
import { undoRefused, undoUnsupported } from './undo-refusals.js';

/** A revocation that was undone: the session may be restored. */
export interface UndoResult {
  /** The ended session, which stays so. */
  readonly session: Session;
  /** Until then whoever holds its token may have a new one in its place. On the database's clock. */
  readonly restorableUntil: Date;
}

/** Permits that revoked sessions be restored; see `SessionAdminService.undo`. */
export class RevocationUndo {
  constructor(
    private readonly store: SessionStore,
    private readonly writer: SessionWriter,
    private readonly hooked: HookedOperations,
    private readonly options: ResolvedOptions['undo'],
  ) {}

  async undo(
    id: string,
    { scope: given, manager, includeProtected, ...note }: RevokeInput,
  ): Promise<UndoResult | undefined> {
    const scope = administratorsPartOf(given ?? { kind: 'all' });
    if (scope === undefined) throw new IdentitySessionError('FORBIDDEN', 'Only administrators undo a revocation.');
    if (!isSessionId(id)) return undefined;
    const [found] = await this.store.list({ scope, ids: [id] }, { limit: 1, descending: false, after: null });
    if (found === undefined) return undefined;
    // Who might not have ended it does not bring it back.
    if (isSpared(found, includeProtected)) throw isProtectedAgainst();
    const { windowMs } = this.options;
    if (windowMs === 0) throw undoRefused('too_late');
    const run = async (): Promise<UndoResult | undefined> => {
      const outcome = await this.writer.write(
        manager,
        (store) => {
          if (!keepsUndo(store)) throw undoUnsupported();
          return store.undo({ scope, id, windowMs }, note);
        },
        // It had ended before, and nothing that anybody holds of it has changed.
        () => [],
      );
      if (outcome?.kind === 'refused') throw undoRefused(outcome.reason);
      return outcome && { session: new Session(outcome.session), restorableUntil: new Date(outcome.restorableUntil) };
    };
    const change = { kind: 'undo', session: new Session(found), ...note } as const;
    return this.hooked.change(change, { request: undefined, manager }, run, (result) => result?.session);
  }
}

/** The part of a scope that is an administrator's: owners and delegates do not take back what was done to them. */
function administratorsPartOf(scope: SessionScope): SessionScope | undefined {
  if (scope.kind === 'all' || scope.kind === 'tenant') return scope;
  if (scope.kind !== 'any') return undefined;
  const of = scope.of.flatMap((part) => administratorsPartOf(part) ?? []);
  return of.length === 0 ? undefined : { kind: 'any', of };
}
