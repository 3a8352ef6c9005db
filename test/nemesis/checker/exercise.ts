import type { Evidence } from '../evidence.js';

/** What a run has to have seen before that nothing was wrong means something; each that is missing. */
export function notExercised({ sockets, census }: Pick<Evidence, 'sockets' | 'census'>): string[] {
  const seen: readonly (readonly [string, boolean])[] = [
    ['no event came to a socket', sockets.some(({ received }) => received > 0)],
    ['no question of a socket was answered', sockets.some(({ lastAnsweredAsk }) => lastAnsweredAsk !== null)],
    ['no socket was told that its session is over', sockets.some(({ kick }) => kick !== null)],
    ['no socket was open at the end', census.open.length > 0],
  ];
  return seen.filter(([, isThere]) => !isThere).map(([what]) => what);
}
