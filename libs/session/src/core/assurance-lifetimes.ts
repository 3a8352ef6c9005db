import type { LifetimeRules, Lifetimes } from './expiry.js';
import type { AssuranceLevel } from './session.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/**
 * How long a session may last at most before the user has to prove anew who they are, by level of assurance. The first
 * level asks for no idle limit: its two are the same.
 * @see NIST SP 800-63B-4 sections 2.1.3, 2.2.3 and 2.3.3
 */
export const ASSURANCE_LIFETIMES: Readonly<Record<AssuranceLevel, Lifetimes>> = {
  aal1: { idleTimeoutMs: 30 * DAY_MS, absoluteLifetimeMs: 30 * DAY_MS },
  aal2: { idleTimeoutMs: HOUR_MS, absoluteLifetimeMs: DAY_MS },
  aal3: { idleTimeoutMs: 15 * MINUTE_MS, absoluteLifetimeMs: 12 * HOUR_MS },
};

/** Lifetimes as an application gives them. */
interface GivenLimits {
  readonly idleTimeoutMs?: number | undefined;
  readonly absoluteLifetimeMs?: number | undefined;
}

/** Fills in what a level allows for whatever is not given: also for "remember me", which may last no longer. */
export function lifetimesOfLevel<T extends GivenLimits & { readonly rememberMe?: GivenLimits | undefined }>(
  given: T,
  level: AssuranceLevel,
): T {
  const base = within(given, ASSURANCE_LIFETIMES[level]);
  return { ...given, ...base, rememberMe: within(given.rememberMe ?? {}, base) };
}

function within(given: GivenLimits, limits: Lifetimes): Lifetimes {
  const absoluteLifetimeMs = given.absoluteLifetimeMs ?? limits.absoluteLifetimeMs;
  return {
    absoluteLifetimeMs,
    idleTimeoutMs: given.idleTimeoutMs ?? Math.min(limits.idleTimeoutMs, absoluteLifetimeMs),
  };
}

/** One line for each limit that is above what the level allows, with both. */
export function looserThan(level: AssuranceLevel, rules: LifetimeRules): string[] {
  const pairs: [string, Lifetimes][] = [
    ['lifetimes', rules],
    ['lifetimes.rememberMe', rules.rememberMe],
    ...Object.entries(rules.clients).map(([id, own]): [string, Lifetimes] => [
      `lifetimes.clients.${id}`,
      { idleTimeoutMs: rules.idleTimeoutMs, absoluteLifetimeMs: rules.absoluteLifetimeMs, ...own },
    ]),
  ];
  const most = ASSURANCE_LIFETIMES[level];
  return pairs.flatMap(([name, given]) =>
    (['absoluteLifetimeMs', 'idleTimeoutMs'] as const)
      // An idle limit behind the absolute one is never reached.
      .filter((limit) => Math.min(given[limit], given.absoluteLifetimeMs) > most[limit])
      .map((limit) => `${name}.${limit} is ${given[limit]}; ${level} allows ${most[limit]} (NIST SP 800-63B-4)`),
  );
}
