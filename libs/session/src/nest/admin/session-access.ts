import { Inject, Injectable } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';
import type { SessionScope } from '../../store/session-store.js';
import { NodeClock } from '../../sync/node-clock.js';
import { RESOLVED_OPTIONS, SESSION_ACCESS_POLICY } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { Session } from '../session/session.js';
import { demandFreshFactor } from './fresh-factor.js';
import {
  type AdministrationAction,
  grantsErasure,
  grantsProtected,
  grantsSettings,
  type SessionAccessPolicy,
  type SettingsScope,
} from './session-access-policy.js';

/** Asks the application's policy before anything is looked up. Exists only where there is one. */
@Injectable()
export class SessionAccess {
  constructor(
    @Inject(SESSION_ACCESS_POLICY) private readonly policy: SessionAccessPolicy,
    @Inject(NodeClock) private readonly clock: NodeClock,
    @Inject(RESOLVED_OPTIONS) private readonly options: Pick<ResolvedOptions, 'endOthersMaxAgeMs'>,
  ) {}

  /**
   * @throws IdentitySessionError `FORBIDDEN` where the policy gives no scope, `SESSION_NOT_FRESH` where an owner would end
   * sessions by this way that takes a fresh factor by the other
   */
  async scopeOf(actor: Session, action: AdministrationAction): Promise<SessionScope> {
    const scope = given(await this.policy.scopeFor(actor, action));
    if (scope === undefined) throw new IdentitySessionError('FORBIDDEN', 'You may not administrate sessions.');
    if (action === 'end' || action === 'suspend') this.#demandFreshness(actor, scope);
    return scope;
  }

  /**
   * Whose sessions the actor may do each of these to; what the policy refuses is absent. Asks for no fresh factor: to look
   * at what others have asked for changes nothing.
   * @throws IdentitySessionError `FORBIDDEN` where the policy refuses all
   */
  async rightsOf<TAction extends AdministrationAction>(
    actor: Session,
    actions: readonly TAction[],
  ): Promise<Partial<Record<TAction, SessionScope>>> {
    const rights: Partial<Record<TAction, SessionScope>> = {};
    for (const action of actions) {
      const scope = given(await this.policy.scopeFor(actor, action));
      if (scope !== undefined) rights[action] = scope;
    }
    if (Object.keys(rights).length > 0) return rights;
    throw new IdentitySessionError('FORBIDDEN', 'You may not administrate sessions.');
  }

  /** Whose protected sessions the actor may do that to; `false` where the policy says nobody's, or nothing of them. */
  async protectionOf(actor: Session, action: 'end' | 'suspend'): Promise<SessionScope | false> {
    if (!grantsProtected(this.policy)) return false;
    return given(await this.policy.protectedScopeFor(actor, action)) ?? false;
  }

  /**
   * The same for many sessions at once, where protected ones were asked for.
   * @throws IdentitySessionError `FORBIDDEN` where they were, and the policy says nobody's
   */
  async inclusionOf(actor: Session, action: 'end' | 'suspend', asked: boolean): Promise<SessionScope | false> {
    const included = asked && (await this.protectionOf(actor, action));
    if (!asked || included !== false) return included;
    throw new IdentitySessionError('FORBIDDEN', 'You may not end or suspend protected sessions.');
  }

  /**
   * @throws IdentitySessionError `FORBIDDEN` where the policy says nothing of erasures, or gives no scope; `SESSION_NOT_FRESH`
   * as `scopeOf`, since an erasure ends sessions
   */
  async erasureScopeOf(actor: Session): Promise<SessionScope> {
    const scope = grantsErasure(this.policy) ? given(await this.policy.erasureScopeFor(actor)) : undefined;
    if (scope === undefined) throw new IdentitySessionError('FORBIDDEN', 'You may not erase users.');
    this.#demandFreshness(actor, scope);
    return scope;
  }

  /** @throws IdentitySessionError `FORBIDDEN` where the policy says nothing of settings, or gives no scope */
  async settingsScopeOf(actor: Session): Promise<SettingsScope> {
    const scope = grantsSettings(this.policy) ? given(await this.policy.settingsScopeFor(actor)) : undefined;
    if (scope === undefined) throw new IdentitySessionError('FORBIDDEN', 'You may not see or change settings.');
    return scope;
  }

  /** Of owners; administrators end sessions without. */
  #demandFreshness(actor: Session, { kind }: SessionScope): void {
    if (kind !== 'all' && kind !== 'tenant') demandFreshFactor(actor, this.options.endOthersMaxAgeMs, this.clock.now());
  }
}

/** A policy written in JavaScript may forget to return. */
function given<T>(scope: T | null | undefined): T | undefined {
  return scope ?? undefined;
}
