import { type Lifetimes } from '../../core/expiry.js';
import type { Constraint } from '../../core/policy.js';
import { type SettingsRule, signInLifetimes, type SignInRules } from '../../core/settings.js';

/** A rule as it holds. Functions of the configuration show as what they are, since they cannot be sent. */
export interface EffectiveRule extends Pick<SettingsRule, 'limit' | 'whenFull'> {
  readonly scope: SettingsRule['scope'] | 'custom';
  /** Whether the configuration leaves some sessions out of it. */
  readonly hasExemptions: boolean;
}

/** What decides about the next sign-in. */
export interface EffectiveSettings {
  /** `null` where the application chooses for each sign-in. */
  readonly strategy: readonly EffectiveRule[] | null;
  readonly lifetimes: Lifetimes & {
    readonly rememberMe: Lifetimes;
    readonly clients: Readonly<Record<string, Lifetimes & { readonly rememberMe: Lifetimes }>>;
  };
}

/** What rules come to. `isChosen` where a function of the application has the first word. */
export function effectiveSettings(rules: SignInRules, isChosen: boolean): EffectiveSettings {
  const clients = new Set(rules.lifetimes.flatMap(({ clients: own }) => Object.keys(own)));
  return {
    strategy: isChosen ? null : rules.policy.map(effectiveRule),
    lifetimes: {
      ...lifetimesOf(rules, null),
      clients: Object.fromEntries([...clients].map((id) => [id, lifetimesOf(rules, id)])),
    },
  };
}

function lifetimesOf(rules: SignInRules, clientId: string | null): Lifetimes & { readonly rememberMe: Lifetimes } {
  return { ...signInLifetimes(rules, clientId, false), rememberMe: signInLifetimes(rules, clientId, true) };
}

function effectiveRule({ scope, limit, whenFull, exempt }: Constraint): EffectiveRule {
  return {
    scope: typeof scope === 'function' ? 'custom' : scope,
    limit,
    whenFull,
    hasExemptions: exempt !== undefined,
  };
}
