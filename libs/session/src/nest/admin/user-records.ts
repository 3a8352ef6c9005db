import { IdentitySessionError } from '../../core/errors.js';
import type { SessionSubject } from '../../core/session.js';
import { systemTokenSource, newSessionId } from '../../core/token.js';
import { contextOf } from '../../store/change-context.js';
import { keepsUserHistory, type UserHistoryEntry } from '../../store/session-history.js';
import {
  EVERYBODY,
  type CreationPage,
  type HistoryPage,
  type SessionFilter,
  type SessionScope,
  type SessionStore,
} from '../../store/session-store.js';
import { storableIdentifier } from '../../store/storable-text.js';
import { erasesUsers } from '../../store/user-erasure.js';
import type { TouchBuffer } from '../../sync/touch-buffer.js';
import { withBufferedAccess } from '../session/buffered-session.js';
import type { Session } from '../session/session.js';
import type { SessionWriter } from '../sign-in/session-writer.js';
import { isProtectedAgainst } from './protection.js';
import type { BulkInput, BulkResult } from './bulk-input.js';
import type { RevokeInput } from './state-changes.js';

/** Some hundred kilobytes in memory at a time. */
const PAGE = 500;
/** Whoever signs in again and again while being erased is signed in. */
const MOST_ROUNDS = 3;

/** Whose records, and how much of them may be seen. */
export interface UserExportInput {
  /** `null` for a user without a tenant; absent: of any tenant in the scope. */
  readonly tenantId?: string | null;
  readonly scope?: SessionScope;
}

/** A page of what there is of a user: first the sessions, then their history. */
export type UserExportPart =
  | { readonly kind: 'sessions'; readonly sessions: readonly Session[] }
  | { readonly kind: 'history'; readonly entries: readonly UserHistoryEntry[] };

export interface EraseInput extends Omit<RevokeInput, 'manager' | 'scope'> {
  /** `null` for a user without a tenant: another tenant's user of the same id is somebody else. */
  readonly tenantId: string | null;
}

/** What an erasure has done; all zero where there was nothing, or nothing more. */
export interface EraseResult {
  /** Live sessions that it has ended. */
  readonly ended: number;
  /** Sessions that have lost what is personal. */
  readonly sessions: number;
  /** Entries of histories that have. */
  readonly entries: number;
}

/** Reads and removes all that is known of a user; see `SessionAdminService`. */
export class UserRecords {
  constructor(
    private readonly store: SessionStore,
    private readonly writer: SessionWriter,
    private readonly touches: TouchBuffer,
    private readonly revoke: (input: BulkInput) => Promise<BulkResult>,
  ) {}

  async *export(
    userId: string,
    { tenantId, scope = EVERYBODY }: UserExportInput,
  ): AsyncGenerator<UserExportPart, void> {
    const user = storableIdentifier(userId, 'userId');
    const filter: SessionFilter = { scope, userId: user, ...(tenantId === undefined ? {} : { tenantId }) };
    // What comes after the first page was asked for would move the end of the file away from its reader.
    const createdUntil = await this.store.now();
    let after: CreationPage['after'] = null;
    for (;;) {
      const records = await this.store.list({ ...filter, createdUntil }, { limit: PAGE, descending: false, after });
      const sessions = records.map((record) => withBufferedAccess(record, this.touches));
      if (sessions.length > 0) yield { kind: 'sessions', sessions };
      after = records.at(-1) ?? null;
      if (records.length < PAGE) break;
    }
    if (!keepsUserHistory(this.store)) return;
    const page = { limit: PAGE, after: null as HistoryPage['after'] };
    for (;;) {
      const entries = await this.store.userHistory(scope, user, page, tenantId);
      const shown = entries.filter(({ at }) => at <= createdUntil);
      if (shown.length > 0) yield { kind: 'history', entries: shown };
      page.after = entries.at(-1)?.id ?? null;
      if (entries.length < PAGE || shown.length === 0) return;
    }
  }

  async erase(userId: string, input: EraseInput): Promise<EraseResult> {
    const { store } = this;
    if (!erasesUsers(store)) throw unsupported();
    const subject: SessionSubject = {
      tenantId: input.tenantId === null ? null : storableIdentifier(input.tenantId, 'tenantId'),
      userId: storableIdentifier(userId, 'userId'),
    };
    const { reason, by, includeProtected } = input;
    const note = { reason, by, ...contextOf(input), source: input.source ?? 'erasure' };
    const ended = await this.#end(subject, {
      ...note,
      // The reason that somebody gives for an erasure would be one more thing to erase.
      reason: 'erased',
      ...(includeProtected === undefined ? {} : { includeProtected }),
    });
    const pseudonym = `erased-${newSessionId(systemTokenSource, 0)}`;
    const kept = { reason: note.reason, by: by === subject.userId ? pseudonym : by, source: note.source };
    let sessions = 0;
    let entries = 0;
    for (let isDone = false; !isDone;) {
      const page = await store.erasePage({ ...subject, pseudonym }, kept);
      // The nodes forget what they had of them.
      this.writer.ended(page.sessions, null);
      sessions += page.sessions.length;
      entries += page.entries;
      ({ isDone } = page);
    }
    if (ended + sessions + entries > 0) await store.noteErasure(subject.tenantId, kept, { sessions, entries });
    return { ended, sessions, entries };
  }

  async #end(subject: SessionSubject, note: RevokeInput): Promise<number> {
    let ended = 0;
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const { revoked } = await this.revoke({ ...note, filter: subject });
      ended += revoked;
      const left: SessionFilter = { scope: EVERYBODY, ...subject, status: 'unended' };
      if ((await this.store.count(left)) === 0) return ended;
      // Whoever has signed in meanwhile is none of those that are spared.
      if (revoked === 0 && (await this.store.count({ ...left, protectedWithin: null })) === 0)
        throw isProtectedAgainst();
    }
    return ended;
  }
}

function unsupported(): IdentitySessionError {
  return new IdentitySessionError('CONFIGURATION_INVALID', 'The store of this application cannot erase a user.');
}
