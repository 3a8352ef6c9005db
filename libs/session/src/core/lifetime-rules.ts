import type { LifetimeRules, Lifetimes } from './expiry.js';

/** One pair of limits, or a part of it. */
export type GivenLimits = { readonly [K in keyof Lifetimes]?: Lifetimes[K] | undefined };

/** Lifetimes as an application or an administrator gives them: what is absent comes from what is below. */
export interface GivenLifetimes extends GivenLimits {
  readonly rememberMe?: GivenLimits | undefined;
  /** Exceptions by client id. */
  readonly clients?: Readonly<Record<string, GivenLimits>> | undefined;
}

const DAY_MS = 86_400_000;

/** Fills in the defaults: 24 hours without access, 30 days in all; for "remember me" the absolute limit alone counts. */
export function resolveLifetimes(given: GivenLifetimes): LifetimeRules {
  const absoluteLifetimeMs = given.absoluteLifetimeMs ?? 30 * DAY_MS;
  const remembered = given.rememberMe?.absoluteLifetimeMs ?? absoluteLifetimeMs;
  return {
    idleTimeoutMs: given.idleTimeoutMs ?? Math.min(DAY_MS, absoluteLifetimeMs),
    absoluteLifetimeMs,
    rememberMe: { idleTimeoutMs: given.rememberMe?.idleTimeoutMs ?? remembered, absoluteLifetimeMs: remembered },
    clients: Object.fromEntries(Object.entries(given.clients ?? {}).map(([id, own]) => [id, givenOf(own)])),
  };
}

/** What `over` gives in place of what `under` gives, value by value. */
export function mergeLifetimes(under: GivenLifetimes, over: GivenLifetimes = {}): GivenLifetimes {
  const clients = new Map(Object.entries(under.clients ?? {}));
  for (const [id, own] of Object.entries(over.clients ?? {})) {
    clients.set(id, { ...givenOf(clients.get(id)), ...givenOf(own) });
  }
  return {
    ...givenOf(under),
    ...givenOf(over),
    rememberMe: { ...givenOf(under.rememberMe), ...givenOf(over.rememberMe) },
    clients: Object.fromEntries(clients),
  };
}

/**
 * What is wrong with lifetimes where accesses are written every `syncIntervalMs`: an idle limit that is reached before an
 * access is written would end sessions that are in use. None is wrong where the absolute limit comes first.
 */
export function idleProblems(lifetimes: LifetimeRules, syncIntervalMs: number, idleMarginMs: number): string[] {
  const least = 2 * syncIntervalMs + idleMarginMs;
  const limits: [string, number, number][] = [
    ['lifetimes.idleTimeoutMs', lifetimes.idleTimeoutMs, lifetimes.absoluteLifetimeMs],
    ['lifetimes.rememberMe.idleTimeoutMs', lifetimes.rememberMe.idleTimeoutMs, lifetimes.rememberMe.absoluteLifetimeMs],
    ...Object.entries(lifetimes.clients).map(([id, own]): [string, number, number] => [
      `lifetimes.clients.${id}.idleTimeoutMs`,
      own.idleTimeoutMs ?? lifetimes.idleTimeoutMs,
      own.absoluteLifetimeMs ?? lifetimes.absoluteLifetimeMs,
    ]),
  ];
  return limits
    .filter(([, idle, absolute]) => idle < absolute && idle < least)
    .map(
      ([name, idle]) =>
        `${name} is ${idle}, but must be at least 2 × syncIntervalMs + ${idleMarginMs} = ${least}; ` +
        `raise it or lower syncIntervalMs (${syncIntervalMs})`,
    );
}

function givenOf({ idleTimeoutMs, absoluteLifetimeMs }: GivenLimits = {}): Partial<Lifetimes> {
  return {
    ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    ...(absoluteLifetimeMs === undefined ? {} : { absoluteLifetimeMs }),
  };
}
