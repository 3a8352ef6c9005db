import type { EntityManager } from 'typeorm';
import { IdentitySessionError } from '../../core/errors.js';
import { isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import { isSessionId } from '../../core/token.js';
import { isInScope } from '../../store/memory/session-query.js';
import { type ChangeContext, contextOf } from '../../store/change-context.js';
import { EVERYBODY, type SessionFilter, type SessionScope, type SessionStore } from '../../store/session-store.js';
import type { TouchBuffer } from '../../sync/touch-buffer.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { withBufferedAccess } from '../session/buffered-session.js';
import { Session } from '../session/session.js';
import type { SessionActivation } from '../sign-in/session-activation.js';
import type { SessionWriter } from '../sign-in/session-writer.js';

import { isProtectedAgainst, isSpared, type ProtectedInclusion, withProtection } from './protection.js';

export interface RevokeInput extends ChangeContext {
  /** Kept with the session and told to whoever presents its secret. */
  readonly reason: string;
  /** The administrator's user id, or what part of the system ends it. */
  readonly by: string | null;
  readonly scope?: SessionScope;
  /** Whether protected sessions are meant too. Default false: they are spared, and one by itself is refused. */
  readonly includeProtected?: ProtectedInclusion;
  /** Makes it part of this manager's transaction. */
  readonly manager?: EntityManager;
}

export interface EndInput extends RevokeInput {
  /** Whether it can be undone for a while, if the option `undo` says so and the session was active. Default true. */
  readonly undoable?: boolean;
}

export interface SuspendInput extends RevokeInput {
  /** Whether it goes on counting against limits. Default: the option `suspension.slot`. */
  readonly slot?: 'keep' | 'free';
}

export interface ResumeInput extends RevokeInput {
  /** The user's roles now. Absent: a policy that is resolved by them refuses, where it is to be asked. */
  readonly roles?: readonly string[];
}

export interface ApproveInput extends ChangeContext, Pick<RevokeInput, 'scope' | 'manager'> {
  readonly requirement: string;
  /** The approver's user id. */
  readonly by: string;
  /** The approver's tenant, which must be that of the session. Absent: the caller has seen to it. */
  readonly tenantId?: string | null;
}

/** The steps of the lifecycle that administrators and approvers take; see `SessionAdminService`. */
export class StateChanges {
  constructor(
    private readonly store: SessionStore,
    private readonly writer: SessionWriter,
    private readonly touches: TouchBuffer,
    private readonly activation: Pick<SessionActivation, 'meet' | 'resume'>,
    private readonly slot: ResolvedOptions['suspension']['slot'],
  ) {}

  async suspend(id: string, { slot = this.slot, ...input }: SuspendInput): Promise<Session | undefined> {
    const session = await this.#changeStatus(id, 'suspended', input, slot === 'free');
    return session ?? this.#refuse(id, 'suspended', input.scope, input.includeProtected ?? false);
  }

  async resume(id: string, { roles, ...input }: ResumeInput): Promise<Session | undefined> {
    const resumed = await this.#changeStatus(id, 'active', input);
    if (resumed !== undefined || !isSessionId(id)) return resumed;
    const { scope = EVERYBODY, manager, includeProtected: _, ...note } = input;
    const found = await this.writer.read(manager, id);
    const activated =
      isSuspended(found) &&
      isInScope(scope, found) &&
      (await this.activation.resume(manager, found, scope, roles, note));
    return activated ? withBufferedAccess(activated, this.touches) : this.#refuse(id, 'active', scope);
  }

  async approve(id: string, input: ApproveInput): Promise<Session | undefined> {
    if (!isSessionId(id)) return undefined;
    const { scope, manager, requirement, by, tenantId } = input;
    const approver = tenantId === undefined ? { by } : { by, approverTenantId: tenantId };
    const meeting = { id, requirement, isApproval: true, ...approver, ...contextOf(input) };
    const record = await this.activation.meet(manager, scope ?? EVERYBODY, meeting);
    return record === undefined ? this.#refuse(id, 'approved', scope) : new Session(record);
  }

  async reject(
    id: string,
    { scope = EVERYBODY, manager, includeProtected, ...note }: RevokeInput,
  ): Promise<Session | undefined> {
    if (!isSessionId(id)) return undefined;
    const filter: SessionFilter = { scope, ids: [id], ...withProtection(includeProtected) };
    const end = (store: SessionStore) => store.endMany(filter, 'rejected', note, 1);
    const [record] = await this.writer.write(manager, end, (ended) => ended);
    return record === undefined ? this.#refuse(id, 'rejected', scope, includeProtected ?? false) : new Session(record);
  }

  async #changeStatus(
    id: string,
    to: 'active' | 'suspended',
    { scope = EVERYBODY, manager, includeProtected, ...note }: RevokeInput,
    freesSlot = false,
  ): Promise<Session | undefined> {
    if (!isSessionId(id)) return undefined;
    // Whether it has run out is told by what is written.
    await this.touches.flushOne(id);
    // To bring one back takes nothing more.
    const { protectedWithin } = withProtection(to === 'active' || includeProtected);
    const change = (store: SessionStore) => store.changeStatus(scope, id, to, note, freesSlot, protectedWithin);
    const record = await this.writer.changeStatus(manager, change, note);
    return record && withBufferedAccess(record, this.touches);
  }

  /** Why a session did not take a step; `undefined` where there is none in scope. */
  async #refuse(
    id: string,
    to: string,
    scope: SessionScope = EVERYBODY,
    includeProtected: ProtectedInclusion = true,
  ): Promise<undefined> {
    if (!isSessionId(id)) return undefined;
    const [found] = await this.store.list({ scope, ids: [id] }, { limit: 1, descending: false, after: null });
    if (found === undefined) return undefined;
    if (isLive(found.status) && isSpared(found, includeProtected)) throw isProtectedAgainst();
    const hasRunOut = isLive(found.status) ? ', or it has run out' : '';
    throw new IdentitySessionError(
      'ILLEGAL_TRANSITION',
      `The session is ${found.status}${hasRunOut}: it cannot become ${to}.`,
    );
  }
}

function isSuspended(record: SessionRecord | undefined): record is SessionRecord {
  return record?.status === 'suspended';
}
