import { haveParted } from '../../cache/lease.js';
import { IdentitySessionError } from '../../core/errors.js';
import type { Moment } from '../../sync/session-loader.js';

/**
 * When a token was presented, on the database's clock as it is known now: a node that has slept is told the time by the
 * answer that it waited for. What it has slept since the token came is time that has passed.
 *
 * @param moment of this process at which it came
 * @param time of the database at `now`
 */
export function presentedAt(moment: Moment, now: Moment, time: number): number {
  return time - Math.max(now.begunAt - moment.begunAt, now.begunAtWall - moment.begunAtWall);
}

/**
 * Nobody is taken for a thief for time that nobody has measured.
 * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE` where the node slept meanwhile, or its wall clock was set
 */
export function demandMeasured(moment: Moment, now: Moment): void {
  if (!haveParted(now.begunAt - moment.begunAt, now.begunAtWall - moment.begunAtWall)) return;
  const message = 'The node slept, or its clock was set, while it answered. Try again.';
  throw new IdentitySessionError('SESSION_STORE_UNAVAILABLE', message, { retryAfterSeconds: 1 });
}
