import { Inject, Injectable } from '@nestjs/common';
import {
  type ConcurrentLoginPolicy,
  decide,
  type PolicyDecision,
  scopeKeysFor,
  validatePolicy,
} from '../../core/policy.js';
import type { SessionRecord } from '../../core/session.js';
import { BULK_PAGE, type SessionStore } from '../../store/session-store.js';
import { keepsSettings } from '../../store/settings-store.js';
import { RESOLVED_OPTIONS, SESSION_STORE } from '../module/tokens.js';
import type { PolicyContext } from '../options/identity-session-options.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { Session } from '../session/session.js';
import { SignInRulebook } from '../settings/sign-in-rules.js';

/** What a sign-in would lead to now. Another one may come first: only `SessionService.signIn` decides. */
export interface SimulatedSignIn {
  readonly outcome: PolicyDecision['kind'];
  /** The sessions that would be ended, or that fill the scope where the outcome is `reject` or `ask`. */
  readonly sessions: readonly Session[];
}

/** Which policy holds for whom, and what it would do. */
@Injectable()
export class ConcurrentLoginStrategyService {
  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(SignInRulebook) private readonly rulebook: SignInRulebook,
  ) {}

  /**
   * The policy that would decide about a sign-in now: the configured one under the settings that are stored.
   * @throws IdentitySessionError as `configuredPolicyFor` does, and `SESSION_STORE_UNAVAILABLE`
   */
  async policyFor(context: PolicyContext): Promise<ConcurrentLoginPolicy> {
    const policy = await this.configuredPolicyFor(context);
    const { store } = this;
    if (!keepsSettings(store)) return policy;
    return this.rulebook.rulesFor(policy, await store.findSettings(context.tenantId)).policy;
  }

  /**
   * The policy of a sign-in without stored settings: the configured one, or what the resolver says.
   * @throws IdentitySessionError `CONFIGURATION_INVALID` where the resolver gives an impossible one
   */
  async configuredPolicyFor(context: PolicyContext): Promise<ConcurrentLoginPolicy> {
    const { policy } = this.options;
    return typeof policy === 'function' ? validatePolicy(await policy(context)) : policy;
  }

  /** Decides without any I/O, given the live sessions of the subject. Pure: the same input, the same answer. */
  decide(policy: ConcurrentLoginPolicy, context: PolicyContext, live: readonly SessionRecord[]): PolicyDecision {
    return decide(policy, { ...context, scopeKeys: scopeKeysFor(policy, context) }, live);
  }

  /** Tells who would be ended if this sign-in came now, and changes nothing. */
  async simulate(context: PolicyContext): Promise<SimulatedSignIn> {
    const live = await this.#liveSessionsOf(context);
    const decision = this.decide(await this.policyFor(context), context, live);
    const ids = decision.kind === 'admit' ? decision.evict : decision.full;
    return {
      outcome: decision.kind,
      sessions: ids.flatMap((id) => live.filter((record) => record.id === id)).map((record) => new Session(record)),
    };
  }

  async #liveSessionsOf({ tenantId, userId }: PolicyContext): Promise<SessionRecord[]> {
    const all: SessionRecord[] = [];
    for (;;) {
      const last = all.at(-1);
      const page = await this.store.list(
        { scope: { kind: 'user', tenantId, userId }, status: 'live', holdsSlot: true },
        { limit: BULK_PAGE, descending: false, after: last === undefined ? null : last },
      );
      all.push(...page);
      if (page.length < BULK_PAGE) return all;
    }
  }
}
