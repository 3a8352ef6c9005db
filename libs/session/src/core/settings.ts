import { type LifetimeRules, type Lifetimes, lifetimesFor } from './expiry.js';
import { type GivenLifetimes, mergeLifetimes, resolveLifetimes } from './lifetime-rules.js';
import { policyPreset, type PolicyPresetName } from './policy-presets.js';
import type { ConcurrentLoginPolicy, Constraint } from './policy.js';

/** A constraint without functions: what can be stored and sent. */
export interface SettingsRule extends Pick<Constraint, 'limit' | 'whenFull'> {
  readonly scope: 'subject' | 'deviceType' | 'client';
}

/** What administrators may change without a deploy. What is absent comes from what is below. */
export interface SessionSettings {
  /** A preset, or rules that all hold at once. Takes the place of the whole strategy below. */
  readonly strategy?: PolicyPresetName | readonly SettingsRule[];
  /** Of a preset that reads one; 1 by default. */
  readonly limit?: number;
  /** Value by value in place of those below. */
  readonly lifetimes?: GivenLifetimes;
}

/**
 * Who keeps a layer of settings: administrators of everybody, or those of the tenant alone. What the latter store can only
 * tighten what is below it.
 */
export type SettingsKeeper = 'all' | 'tenant';

export interface SettingsLayer {
  readonly settings: SessionSettings;
  readonly keeper: SettingsKeeper;
}

/** What decides about sign-ins without any stored settings. */
export interface SettingsBase {
  readonly policy: ConcurrentLoginPolicy;
  readonly lifetimes: GivenLifetimes;
}

/** What decides about sign-ins. */
export interface SignInRules {
  readonly policy: ConcurrentLoginPolicy;
  /** All hold at once: the shortest counts. */
  readonly lifetimes: readonly LifetimeRules[];
}

/**
 * Lays settings over the base, in order. A layer of a tenant's own administrators adds its rules and shortens lifetimes,
 * whatever changes below it later; any other takes the place of what it names.
 *
 * @param isSound of lifetimes as a whole; those of a layer that would make them unsound are left out
 */
export function layerSettings(
  base: SettingsBase,
  layers: readonly SettingsLayer[],
  isSound: (lifetimes: LifetimeRules, layer: SettingsLayer) => boolean = () => true,
): SignInRules {
  let { policy, lifetimes: given } = base;
  const bounds: LifetimeRules[] = [];
  for (const layer of layers) {
    const { settings, keeper } = layer;
    const own = strategyOf(settings);
    if (own !== undefined) policy = keeper === 'tenant' ? [...policy, ...own] : own;
    const merged = mergeLifetimes(given, settings.lifetimes);
    if (settings.lifetimes === undefined || !isSound(resolveLifetimes(merged), layer)) continue;
    if (keeper === 'tenant') bounds.push(resolveLifetimes(given));
    given = merged;
  }
  return { policy, lifetimes: [resolveLifetimes(given), ...bounds] };
}

/** The lifetimes of a new session. */
export function signInLifetimes(
  { lifetimes }: Pick<SignInRules, 'lifetimes'>,
  clientId: string | null,
  rememberMe: boolean,
): Lifetimes {
  const all = lifetimes.map((rules) => lifetimesFor(rules, clientId, rememberMe));
  return {
    idleTimeoutMs: Math.min(...all.map(({ idleTimeoutMs }) => idleTimeoutMs)),
    absoluteLifetimeMs: Math.min(...all.map(({ absoluteLifetimeMs }) => absoluteLifetimeMs)),
  };
}

/** The policy that settings name; `undefined` where they leave it to what is below. */
export function strategyOf({ strategy, limit }: SessionSettings): ConcurrentLoginPolicy | undefined {
  return typeof strategy === 'string' ? policyPreset(strategy, limit) : strategy;
}

/** The presets that read a limit. */
export const PRESETS_WITH_LIMIT: readonly PolicyPresetName[] = ['LogoutFromSameTypeDevicesLimit', 'RejectNew'];
