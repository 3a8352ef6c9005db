/**
 * What is compared. Every variant is measured in pairs with the unguarded route under the very same requests, so that
 * the difference is what the guard adds and not what its credential costs to receive.
 */
export const VARIANTS = [
  { name: 'guard that only says yes', route: 'yes', credential: 'cookie' },
  { name: 'floor: map look-up + SHA-256', route: 'floor', credential: 'cookie' },
  { name: 'SessionGuard, cookie', route: 'session', credential: 'cookie', isAimed: true },
  { name: 'SessionGuard, bearer', route: 'session', credential: 'bearer', isAimed: true },
  { name: 'one primary-key SELECT', route: 'select', credential: 'cookie' },
];

/** The most that SessionGuard shall add to a request for a session that the node knows. */
export const AIM_US = 10;

/** What `SessionCookie` calls it by default. Another name would let nobody in, and the run would fail. */
export const COOKIE_NAME = '__Host-session';

/** Each guarded route stands between two equal ones without guard. */
export const PLACES = ['before', 'guarded', 'after'];

/** Of one length for all three, so that their requests are too. */
export function pathOf(route, place) {
  return `/${route}/${PLACES.indexOf(place)}`;
}
