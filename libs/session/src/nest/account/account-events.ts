import { Inject, Injectable } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';
import type { SessionSubject } from '../../core/session.js';
import { SessionAdminService } from '../admin/session-admin.service.js';
import type { RevokeInput } from '../admin/state-changes.js';
import { SessionDataService } from '../data/session-data.service.js';
import { RESOLVED_OPTIONS } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { requestContext } from '../sign-in/request-context.js';
import { SessionService } from '../sign-in/session.service.js';
import { SessionWriter } from '../sign-in/session-writer.js';
import {
  ACCOUNT_REASONS,
  type AccountEventInput,
  type AccountEventName,
  type AccountEventResult,
} from './account-event.js';

/**
 * One call for what happens to an account, with the effect on the user's sessions that the option `accountEvents` says.
 * With `manager` all of it becomes real with that transaction, and should: then no session outlives the old password, and
 * none ends for one that was not changed. Without, each step is durable by itself, and after a failure the same call again
 * does what is left.
 *
 * A sign-in that has read the old account and is admitted only afterwards lives on: compare the account once more after
 * `signIn`, or hold a lock on it meanwhile.
 *
 * Each throws IdentitySessionError `VALIDATION_FAILED` for a session of another user or for data that breaks the rules of
 * the option `data`, `SESSION_NOT_FOUND` and `SESSION_SUSPENDED` where the session itself has ended or was suspended
 * meanwhile, and `SESSION_STORE_UNAVAILABLE`.
 */
@Injectable()
export class AccountEvents {
  constructor(
    @Inject(SessionService) private readonly sessions: SessionService,
    @Inject(SessionAdminService) private readonly administration: SessionAdminService,
    @Inject(SessionDataService) private readonly data: SessionDataService,
    @Inject(SessionWriter) private readonly writer: Pick<SessionWriter, 'settleUndo'>,
    @Inject(RESOLVED_OPTIONS) private readonly options: Pick<ResolvedOptions, 'accountEvents' | 'trustProxyHops'>,
  ) {}

  /** A new password; by default the others end and this one is rotated. @see OWASP ASVS 5.0 7.4.3 */
  passwordChanged(input: AccountEventInput): Promise<AccountEventResult> {
    return this.#apply('passwordChanged', input);
  }

  /** A second factor was added, replaced or removed; by default the others end and this one is rotated. */
  factorChanged(input: AccountEventInput): Promise<AccountEventResult> {
    return this.#apply('factorChanged', input);
  }

  /** Other rights; by default every session goes on with `data`, which its next request shows. */
  roleChanged(input: AccountEventInput): Promise<AccountEventResult> {
    return this.#apply('roleChanged', input);
  }

  /** Locked after too many failures; by default all end. */
  lockedOut(input: AccountEventInput): Promise<AccountEventResult> {
    return this.#apply('lockedOut', input);
  }

  /** Disabled; by default all end. */
  disabled(input: AccountEventInput): Promise<AccountEventResult> {
    return this.#apply('disabled', input);
  }

  /** Deleted; by default all end. */
  deleted(input: AccountEventInput): Promise<AccountEventResult> {
    return this.#apply('deleted', input);
  }

  async #apply(event: AccountEventName, input: AccountEventInput): Promise<AccountEventResult> {
    const { session, manager } = input;
    const subject: SessionSubject = { userId: input.userId, tenantId: input.tenantId ?? null };
    if (session !== undefined && !isOf(subject, session)) throw foreign();
    const effect = this.options.accountEvents[event];
    const context = requestContext(input, this.options.trustProxyHops);
    const note = {
      reason: input.reason ?? ACCOUNT_REASONS[event],
      by: input.by ?? session?.userId ?? null,
      ...context,
    };
    const shared = { ...note, ...(manager === undefined ? {} : { manager }) };

    // Also of a user who has no session left: none comes back with what was true before.
    await this.writer.settleUndo(manager, subject);
    // Before what ends: it takes the subject's lock, which sign-ins take before any row.
    const refreshed =
      input.data === undefined || effect === 'end-all' ? 0 : await this.data.setUserData(subject, input.data, shared);
    const endsSessions = effect === 'end-all' || effect === 'end-others';
    const ended = endsSessions
      ? await this.#end(subject, effect === 'end-others' ? session?.id : undefined, {
          ...shared,
          includeProtected: input.includeProtected ?? true,
        })
      : 0;
    // Of those that somebody else was revoking meanwhile, too.
    if (endsSessions) await this.writer.settleUndo(manager, subject);
    if (session === undefined || effect === 'end-all' || effect === 'refresh-data') {
      return { ended, refreshed, rotated: null };
    }
    const { request, response, transport, reauthenticated, assurance } = input;
    const level = assurance === undefined ? {} : { assurance };
    const exchange = { request, response, transport, manager, reason: note.reason, ...level, ...context };
    const rotated = await this.sessions.rotate(session, { ...exchange, reauthenticated: reauthenticated ?? false });
    return { ended, refreshed, rotated };
  }

  async #end(subject: SessionSubject, exceptId: string | undefined, input: RevokeInput): Promise<number> {
    const filter = { ...subject, ...(exceptId === undefined ? {} : { exceptIds: [exceptId] }) };
    return (await this.administration.revokeAll({ ...input, filter, undoable: false })).revoked;
  }
}

function isOf({ userId, tenantId }: SessionSubject, session: SessionSubject): boolean {
  return session.userId === userId && session.tenantId === tenantId;
}

function foreign(): IdentitySessionError {
  const message = 'The session is another user’s. Leave it out where somebody else did it, and say who `by`.';
  return new IdentitySessionError('VALIDATION_FAILED', message, {
    errors: [{ field: 'session', message: 'is not the user’s' }],
  });
}
