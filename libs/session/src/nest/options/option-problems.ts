import type { ParsedOptions } from './options-schema.js';
import type { ResolvedOptions } from './resolved-options.js';

/** What is wrong with options that are valid each by itself: a line for each, with the remedy. */

export function cleanupProblems(
  { inactiveAfterMs, scrubAddressesAfterMs, scrubLiveAddresses }: ResolvedOptions['cleanup'],
  leastIdleMs: number,
): string[] {
  return [
    ...(inactiveAfterMs !== undefined && inactiveAfterMs < leastIdleMs
      ? [
          `cleanup.inactiveAfterMs is ${inactiveAfterMs}, but must be at least 2 × syncIntervalMs + idleMarginMs = ` +
            `${leastIdleMs}: accesses are in the database that late`,
        ]
      : []),
    ...(scrubLiveAddresses && scrubAddressesAfterMs === undefined
      ? ['cleanup.scrubLiveAddresses is true, but nothing says when; give cleanup.scrubAddressesAfterMs']
      : []),
  ];
}

export function redisProblems({ redis, hints, sharedCache }: ParsedOptions): string[] {
  if (redis !== undefined) return [];
  return [
    ...(hints === 'redis'
      ? ['hints is redis, but there is no redis; give redis: { url }, or use postgres or off']
      : []),
    ...(sharedCache === true ? ['sharedCache is true, but there is no redis; give redis: { url }'] : []),
  ];
}

/** Requests that run side by side with the one that rotates present the old token. */
const SHORTEST_GRACE_MS = 1_000;

export function rotationProblems({ intervalMs, graceMs }: ResolvedOptions['rotation']): string[] {
  if (intervalMs === 0) return [];
  const problems: string[] = [];
  if (graceMs < SHORTEST_GRACE_MS) {
    problems.push(
      `rotation.graceMs is ${graceMs}, but must be at least ${SHORTEST_GRACE_MS} where tokens are rotated: requests ` +
        'that are on their way would count as theft',
    );
  }
  if (intervalMs < graceMs) {
    problems.push(
      `rotation.intervalMs is ${intervalMs}, but must be at least rotation.graceMs (${graceMs}): only one token before ` +
        'the current one is known',
    );
  }
  return problems;
}

export function webhookProblems({ webhooks, listeners: { deadlineMs } }: ParsedOptions): string[] {
  return webhooks
    .filter(({ timeoutMs }) => timeoutMs >= deadlineMs)
    .map(
      ({ name, timeoutMs }) =>
        `timeoutMs of the webhook "${name}" is ${timeoutMs}, but must be below listeners.deadlineMs (${deadlineMs}): an event ` +
        'would be posted again while it is still being posted',
    );
}

export function warmUpProblems({ warmUp: { sessions }, cache: { maxSessions } }: ParsedOptions): string[] {
  if (sessions <= maxSessions) return [];
  return [
    `warmUp.sessions is ${sessions}, but memory holds cache.maxSessions (${maxSessions}); lower it or raise that`,
  ];
}
