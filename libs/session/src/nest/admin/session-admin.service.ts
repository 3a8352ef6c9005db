import { Inject, Injectable } from '@nestjs/common';
import { isSessionId } from '../../core/token.js';
import { keepsAddresses, type SessionOrigins } from '../../store/session-addresses.js';
import { contextOf } from '../../store/change-context.js';
import { keepsUserHistory, type UserHistoryEntry } from '../../store/session-history.js';
import {
  EVERYBODY,
  type HistoryPage,
  type Page,
  type SessionHistoryEntry,
  type SessionScope,
  type SessionStore,
} from '../../store/session-store.js';
import { isStorableIdentifier } from '../../store/storable-text.js';
import { TouchBuffer } from '../../sync/touch-buffer.js';
import { HookedOperations, type HookedTarget } from '../hooks/hooked-operations.js';
import { SessionHookRunner } from '../hooks/session-hook-runner.js';
import { RESOLVED_OPTIONS, SESSION_STORE } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { withBufferedAccess } from '../session/buffered-session.js';
import { Session } from '../session/session.js';
import { SessionActivation } from '../sign-in/session-activation.js';
import { SessionWriter } from '../sign-in/session-writer.js';
import { type SessionStatistics, SessionStatisticsCounter } from '../stats/session-statistics.js';
import type { CutOffInput, CutOffResult } from './cut-off-input.js';
import { cutOffScopeOf, demandWithin } from './cut-off-scope.js';
import type { BulkInput, BulkResult } from './bulk-input.js';
import { RevocationUndo, type UndoResult } from './revocation-undo.js';
import { SessionRevocation } from './session-revocation.js';
import { filterOf, type SessionPage, type SessionSearch } from './session-search.js';
import {
  type ApproveInput,
  type EndInput,
  type ResumeInput,
  type RevokeInput,
  StateChanges,
  type SuspendInput,
} from './state-changes.js';
import {
  type EraseInput,
  type EraseResult,
  type UserExportInput,
  type UserExportPart,
  UserRecords,
} from './user-records.js';

/** What administrators do with the sessions of others. Rights are the caller's to check, or to narrow by `scope`. */
@Injectable()
export class SessionAdminService {
  readonly #hooked: HookedOperations;
  readonly #revocation: SessionRevocation;
  readonly #states: StateChanges;
  readonly #undo: RevocationUndo;
  readonly #records: UserRecords;

  constructor(
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(SessionWriter) private readonly writer: SessionWriter,
    @Inject(TouchBuffer) private readonly touches: TouchBuffer,
    @Inject(SessionStatisticsCounter) private readonly statistics: SessionStatisticsCounter,
    @Inject(SessionActivation) activation: Pick<SessionActivation, 'meet' | 'resume'>,
    @Inject(RESOLVED_OPTIONS) options: Pick<ResolvedOptions, 'suspension' | 'undo'>,
    @Inject(SessionHookRunner) hooks: SessionHookRunner,
  ) {
    this.#hooked = new HookedOperations(hooks, writer);
    this.#revocation = new SessionRevocation(store, writer, touches, options.undo.windowMs > 0);
    this.#records = new UserRecords(store, writer, touches, (input) => this.revokeMatching(input));
    this.#states = new StateChanges(store, writer, touches, activation, options.suspension.slot);
    this.#undo = new RevocationUndo(store, writer, this.#hooked, options.undo);
  }

  /** One page of sessions by creation, from a session on. */
  async search(search: SessionSearch, page: Page): Promise<Session[]> {
    return (await this.store.list(filterOf(search), page)).map((record) => withBufferedAccess(record, this.touches));
  }

  /**
   * One page, and the key of its last session where there are more. The key is as stored: what this node knows of later
   * accesses shows in the sessions and moves nobody to another page.
   */
  async searchPage(search: SessionSearch, page: Page): Promise<SessionPage> {
    const records = await this.store.list(filterOf(search), { ...page, limit: page.limit + 1 });
    const shown = records.slice(0, page.limit);
    return {
      sessions: shown.map((record) => withBufferedAccess(record, this.touches)),
      next: records.length > page.limit ? (shown.at(-1) ?? null) : null,
    };
  }

  /** What has happened to a session, oldest first; `undefined` for an unknown id and for one outside the scope. */
  async history(
    id: string,
    page: HistoryPage,
    scope: SessionScope = EVERYBODY,
  ): Promise<readonly SessionHistoryEntry[] | undefined> {
    return isSessionId(id) ? this.store.history(scope, id, page) : undefined;
  }

  /**
   * What has happened to all sessions of a user, within the scope: in the order of the log, as long as it is kept. Nothing
   * for a user that nobody knows, and from a store that keeps no such history.
   */
  async userHistory(
    userId: string,
    page: HistoryPage,
    scope: SessionScope = EVERYBODY,
  ): Promise<readonly UserHistoryEntry[]> {
    if (!isStorableIdentifier(userId) || !keepsUserHistory(this.store)) return [];
    return this.store.userHistory(scope, userId, page);
  }

  /**
   * All that is known of a user within the scope: the sessions, live and ended, oldest first, then their history; page by
   * page, of what there was when the first was asked for. Holds nothing between two pages; whoever stops asking has stopped
   * it.
   * @throws IdentitySessionError `VALIDATION_FAILED` for ids that cannot be stored, `SESSION_STORE_UNAVAILABLE`
   */
  exportUser(userId: string, input: UserExportInput = {}): AsyncGenerator<UserExportPart, void> {
    return this.#records.export(userId, input);
  }

  /**
   * Ends a user's live sessions, and then removes what is personal from all of them and from their history: addresses,
   * names, user agents, locations, data, reasons, tags, and the id of the user, a made-up one taking its place. Ids of
   * sessions, times and types stay; so does a record of the erasure, which does not tell whose it was. Page by page: what was
   * done before a failure stays done, and the same call again goes on. A session that begins meanwhile is the user's.
   *
   * @throws IdentitySessionError `SESSION_PROTECTED` while a protected session lives that `includeProtected` does not
   * include, `VALIDATION_FAILED`, `SESSION_STORE_UNAVAILABLE`, `CONFIGURATION_INVALID` for a store that cannot
   */
  eraseUser(userId: string, input: EraseInput): Promise<EraseResult> {
    return this.#records.erase(userId, input);
  }

  /** One session, live or ended; `undefined` for an unknown id and for one outside the scope. */
  async find(id: string, scope: SessionScope = EVERYBODY): Promise<Session | undefined> {
    if (!isSessionId(id)) return undefined;
    const [record] = await this.store.list({ scope, ids: [id] }, { limit: 1, descending: false, after: null });
    return record === undefined ? undefined : withBufferedAccess(record, this.touches);
  }

  /**
   * Ends one live session; with `userId` only if it is that user's. When it resolves this node refuses the session.
   * @returns the ended session, or `undefined` where there is no live one with the id in scope
   * @throws IdentitySessionError `SESSION_PROTECTED` for a protected one that `includeProtected` does not include
   */
  async revoke(id: string, input: EndInput & { readonly userId?: string }): Promise<Session | undefined> {
    if (!isSessionId(id)) return undefined;
    const target = { ...targetOf(id, input), userId: input.userId };
    return this.#hooked.endById('revoke', target, () => this.#revocation.revoke(id, input));
  }

  /**
   * Freezes a session: its requests are answered with `SESSION_SUSPENDED` until it is resumed, and nothing of it changes but
   * by its end. It keeps its slot or gives it up, as `slot` or the option `suspension.slot` says. When it resolves this node
   * refuses the session.
   * @returns the session, or `undefined` where there is none with the id in scope
   * @throws IdentitySessionError `ILLEGAL_TRANSITION` for one that is not active, `SESSION_PROTECTED` for a protected one
   * that `includeProtected` does not include
   */
  suspend(id: string, input: SuspendInput): Promise<Session | undefined> {
    return this.#hooked.changeById('suspend', targetOf(id, input), () => this.#states.suspend(id, input));
  }

  /**
   * Thaws a suspended session. Its limits have gone on meanwhile: one that has run out stays out.
   * @returns the session, or `undefined` where there is none with the id in scope
   * @throws IdentitySessionError `ILLEGAL_TRANSITION` for one that is not suspended, `SESSION_LIMIT_REACHED` for one that
   * has given its slot up and that the policy leaves no room for
   */
  resume(id: string, input: ResumeInput): Promise<Session | undefined> {
    return this.#hooked.changeById('resume', targetOf(id, input), () => this.#states.resume(id, input));
  }

  /**
   * Takes the revocation of an active session back, within `undo.windowMs` of it: the session stays ended, and whoever holds
   * its token may have a new one in its place, once, by `SessionService.restore` or `POST /sessions/restore`. Only of what
   * this service or a job has ended, with a scope that is an administrator's, and while nothing has changed since.
   * @returns `undefined` where there is none with the id in scope
   * @throws IdentitySessionError `UNDO_REFUSED`, with the reason; `FORBIDDEN` for a scope of less than a tenant,
   * `SESSION_PROTECTED` for a protected one that `includeProtected` does not include
   */
  undo(id: string, input: RevokeInput): Promise<UndoResult | undefined> {
    return this.#undo.undo(id, input);
  }

  /**
   * Notes that an approver has approved a pending sign-in. Activates nothing: once nothing is missing the waiting client
   * completes it, and only then gets its new token.
   * @returns the session, or `undefined` where there is none with the id in scope
   * @throws IdentitySessionError `ILLEGAL_TRANSITION` for one that is not pending, and where it is somebody else's turn;
   * `FORBIDDEN` for who is not named, `VALIDATION_FAILED` for a requirement that it has not
   */
  approve(id: string, input: ApproveInput): Promise<Session | undefined> {
    return this.#states.approve(id, input);
  }

  /**
   * Ends a pending sign-in as `rejected`.
   * @returns the session, or `undefined` where there is none with the id in scope
   * @throws IdentitySessionError `ILLEGAL_TRANSITION` for one that is not pending, `SESSION_PROTECTED` for a protected one
   * that `includeProtected` does not include
   */
  reject(id: string, input: RevokeInput): Promise<Session | undefined> {
    return this.#hooked.endById('reject', targetOf(id, input), () => this.#states.reject(id, input));
  }

  /**
   * Ends every live session that matches, in pages, in id order; protected ones with `includeProtected` alone. A sign-in
   * that is admitted meanwhile may survive; it is listed and can be revoked.
   * @throws IdentitySessionError `VALIDATION_FAILED` for an empty filter: ending everybody must be meant
   */
  async revokeAll(input: EndInput & { readonly filter: SessionSearch }): Promise<{ readonly revoked: number }> {
    const { revoked } = await this.revokeMatching(input);
    return { revoked };
  }

  /**
   * As `revokeAll`, for those who want to know before, or not to end more than they mean to. What it has ended before it
   * failed stays ended; the same call again goes on.
   * @throws IdentitySessionError `VALIDATION_FAILED` for an empty filter, `SESSION_STORE_UNAVAILABLE`
   */
  revokeMatching(input: BulkInput): Promise<BulkResult> {
    return this.#revocation.revokeMatching(input);
  }

  /**
   * "Nothing issued before now": ends every session of a user, a tenant or everybody, in one row and at once however many
   * there are. When it resolves this node refuses them; whoever signs in afterwards is not affected.
   *
   * @throws IdentitySessionError `FORBIDDEN` for what goes beyond `scope` or `includeProtected`, `VALIDATION_FAILED`,
   * `SESSION_STORE_UNAVAILABLE`
   */
  async cutOff(input: CutOffInput): Promise<CutOffResult> {
    const asked = cutOffScopeOf(input, input.scope ?? EVERYBODY);
    const note = { reason: input.reason, by: input.by ?? null, ...contextOf(input) };
    const { includeProtected = false } = input;
    if (typeof includeProtected !== 'boolean') demandWithin(asked, includeProtected);
    const includesProtected = includeProtected !== false;
    const { scope, notBefore, reason } = await this.writer.cutOff(input.manager, asked, note, includesProtected);
    return { scope, notBefore: new Date(notBefore), reason };
  }

  /**
   * On which node a session began and from which addresses it was used, the latest first; `undefined` where there is no
   * such session in scope. Accesses of the last `syncIntervalMs` may be missing.
   */
  async addresses(id: string, scope: SessionScope = EVERYBODY): Promise<SessionOrigins | undefined> {
    return isSessionId(id) && keepsAddresses(this.store) ? this.store.origins(scope, id) : undefined;
  }

  /** How many sessions there are, and for who administrates everybody also which nodes, and what the cleanup has done. */
  stats(scope: SessionScope = EVERYBODY): Promise<SessionStatistics> {
    return this.statistics.of(scope);
  }

  /** How many sessions match. */
  count(search: SessionSearch): Promise<number> {
    return this.store.count(filterOf(search));
  }
}

function targetOf(id: string, { scope = EVERYBODY, manager, reason, by }: RevokeInput): HookedTarget {
  return { id, scope, manager, reason, by };
}
