import { createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';
import type { AssuranceLevel } from '../../core/session.js';
import type { Session } from '../session/session.js';
import { carrierOf } from './carrier.js';

/** What the decorators leave on a handler or class; the handler's value wins. */
export const ROUTE_METADATA = {
  anonymous: 'identity-session:anonymous',
  optional: 'identity-session:optional',
  maxAgeMs: 'identity-session:max-age',
  assurance: 'identity-session:assurance',
  skipTouch: 'identity-session:skip-touch',
  strict: 'identity-session:strict',
  crossSite: 'identity-session:cross-site',
  allowDrift: 'identity-session:allow-drift',
  allowPending: 'identity-session:allow-pending',
} as const;

/** Lets everyone in; no session is looked for. */
export const AllowAnonymous = (): MethodDecorator & ClassDecorator => SetMetadata(ROUTE_METADATA.anonymous, true);

/** Lets everyone in, with the session where a valid one is presented. Store trouble is still 503. */
export const OptionalSession = (): MethodDecorator & ClassDecorator => SetMetadata(ROUTE_METADATA.optional, true);

/** 403 `SESSION_NOT_FRESH` unless the user proved who they are within `maxAgeMs`. @see OWASP ASVS 5.0 7.5.3 */
export const RequireFreshSession = (options: { readonly maxAgeMs: number }): MethodDecorator & ClassDecorator =>
  SetMetadata(ROUTE_METADATA.maxAgeMs, options.maxAgeMs);

/** 403 `ASSURANCE_TOO_LOW` below the level. @see NIST SP 800-63B-4 section 2 */
export const RequireAssurance = (level: AssuranceLevel): MethodDecorator & ClassDecorator =>
  SetMetadata(ROUTE_METADATA.assurance, level);

/** Requests are no activity: for heartbeats and background polls. */
export const SkipSessionTouch = (): MethodDecorator & ClassDecorator => SetMetadata(ROUTE_METADATA.skipTouch, true);

/** Asks the database on every request, as of after the request came. */
export const StrictSession = (): MethodDecorator & ClassDecorator => SetMetadata(ROUTE_METADATA.strict, true);

/**
 * Takes requests that change something from pages of other sites too. For routes that know their callers by something
 * else than a cookie: a signed webhook, an identity provider's answer by form with its `state`.
 */
export const AllowCrossSite = (): MethodDecorator & ClassDecorator => SetMetadata(ROUTE_METADATA.crossSite, true);

/**
 * Takes sessions that are used from elsewhere, whatever `drift` says, and lets that be: for the route on which the user
 * authenticates again, with `elevate` or `rotate` and its request.
 */
export const AllowDriftedSession = (): MethodDecorator & ClassDecorator => SetMetadata(ROUTE_METADATA.allowDrift, true);

/**
 * Takes sessions whose sign-in is not complete too: for the HTTP route on which the user meets what it requires, with
 * `SessionService.complete`. Their `status` is `pending`: the route must not take them for signed in.
 */
export const AllowPendingSession = (): MethodDecorator & ClassDecorator =>
  SetMetadata(ROUTE_METADATA.allowPending, true);

/** The session of the request: a `Session`, or `null` on a route that does without. */
export const CurrentSession = createParamDecorator((_data: unknown, context: ExecutionContext): Session | null => {
  return sessionOf(carrierOf(context));
});

/**
 * The id of the signed-in user.
 * @throws IdentitySessionError `SESSION_MISSING` where the route has no session
 */
export const CurrentUserId = createParamDecorator((_data: unknown, context: ExecutionContext): string => {
  const session = sessionOf(carrierOf(context));
  if (session === null) throw new IdentitySessionError('SESSION_MISSING', 'The route has no session; guard it.');
  return session.userId;
});

const SESSIONS = Symbol.for('nestjs-identity-session:sessions');

/**
 * Sessions by request; one map for all copies of this module in a process. Beside the requests and not on them, because
 * Express gives each request a hidden class of its own, and one more property on it costs microseconds.
 */
const sessions = ((globalThis as { [SESSIONS]?: WeakMap<object, Session> | undefined })[SESSIONS] ??= new WeakMap());

/** The session that the guard has found for a request, or `null`. */
export function sessionOf(request: object | undefined): Session | null {
  return (request && sessions.get(request)) ?? null;
}

/** Leaves the session with its request. */
export function attachSession(request: object, session: Session): void {
  sessions.set(request, session);
}

/** Takes from a request whatever session is with it. */
export function detachSession(request: object): void {
  sessions.delete(request);
}
