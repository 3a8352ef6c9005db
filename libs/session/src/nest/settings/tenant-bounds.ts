import { DEVICE_TYPES, type DeviceType } from '../../core/session.js';
import type { GivenLimits } from '../../core/lifetime-rules.js';
import type { ConcurrentLoginPolicy, Limit } from '../../core/policy.js';
import { type SessionSettings, signInLifetimes, type SignInRules, strategyOf } from '../../core/settings.js';

/**
 * The fields in which settings of a tenant's own administrators ask for more than the rules allow. Such settings would
 * change nothing, since they can only tighten: whoever gives them should be told.
 */
export function looserFields(settings: SessionSettings, rules: SignInRules): string[] {
  return [...looserStrategy(settings, rules.policy), ...looserLifetimes(settings, rules)];
}

function looserStrategy(settings: SessionSettings, policy: ConcurrentLoginPolicy): string[] {
  const own = strategyOf(settings);
  if (own === undefined || policy.length === 0) return [];
  if (own.length === 0) return ['settings.strategy'];
  const isLooser = own.some(({ scope, limit }) =>
    policy.some(
      (rule) => rule.scope === scope && DEVICE_TYPES.some((type) => limitOf(limit, type) > limitOf(rule.limit, type)),
    ),
  );
  return isLooser ? [typeof settings.strategy === 'string' ? 'settings.limit' : 'settings.strategy'] : [];
}

function limitOf(limit: Limit, type: DeviceType): number {
  return typeof limit === 'number' ? limit : (limit[type] ?? limit.other ?? Number.POSITIVE_INFINITY);
}

function looserLifetimes({ lifetimes = {} }: SessionSettings, rules: SignInRules): string[] {
  const { rememberMe, clients } = lifetimes;
  return [
    ...looserLimits('settings.lifetimes', lifetimes, signInLifetimes(rules, null, false)),
    ...looserLimits('settings.lifetimes.rememberMe', rememberMe, signInLifetimes(rules, null, true)),
    ...Object.entries(clients ?? {}).flatMap(([id, own]) =>
      looserLimits(`settings.lifetimes.clients.${id}`, own, signInLifetimes(rules, id, false)),
    ),
  ];
}

function looserLimits(field: string, given: GivenLimits = {}, allowed: Required<GivenLimits>): string[] {
  return (['idleTimeoutMs', 'absoluteLifetimeMs'] as const)
    .filter((name) => (given[name] ?? 0) > (allowed[name] ?? Number.POSITIVE_INFINITY))
    .map((name) => `${field}.${name}`);
}
