import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { IdentitySessionError } from '../../core/errors.js';
import type { AssuranceLevel } from '../../core/session.js';
import { SessionChecker } from '../check/session-checker.js';
import type { SessionVerdict } from '../check/session-verdict.js';
import type { SessionRequirements } from '../check/session-judge.js';
import { noStore, SessionCookie } from '../cookie/session-cookie.js';
import type { Credential } from '../credential/credential.js';
import { deliverToken } from '../credential/deliver-token.js';
import { RequestCredentials } from '../credential/request-credentials.js';
import { clientAddress } from '../http/client-address.js';
import { RESOLVED_OPTIONS } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { CrossSiteRule, isUnsafe } from '../csrf/cross-site.js';
import { crossSite } from '../csrf/csrf.guard.js';
import { type BoundConnection, boundConnection } from './bound-connections.js';
import { carrierOf, readRpcHeaders, responseOf, type SessionCarrier } from './carrier.js';
import { attachSession, detachSession, ROUTE_METADATA } from './route.decorators.js';

interface RouteRules extends SessionRequirements {
  readonly anonymous: boolean;
  readonly optional: boolean;
  /** Pages of other sites may, whatever the method. */
  readonly crossSite: boolean;
}

/**
 * Admits requests with a live session and leaves it with the request for `@CurrentSession()`. Works on HTTP (Express
 * and Fastify), GraphQL, sockets and RPC contexts that have headers. A known session awaits nothing. Answers that
 * depend on a session are `no-store`. Where there is a response, a token that is due is rotated and its successor goes
 * back the way that the token came.
 *
 * A request that may change something and has the session's cookie must not come from a page of another site; that holds
 * for routes that let everyone in as well. For those that nobody has a cookie for yet there is `CsrfGuard`.
 */
@Injectable()
export class SessionGuard implements CanActivate {
  /** By handler, then by class, since a handler may be inherited. */
  readonly #rules = new WeakMap<object, WeakMap<object, RouteRules>>();
  readonly #crossSite: CrossSiteRule;

  constructor(
    @Inject(SessionChecker) private readonly checker: SessionChecker,
    @Inject(RequestCredentials) private readonly credentials: RequestCredentials,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(SessionCookie) private readonly cookie: SessionCookie,
  ) {
    this.#crossSite = new CrossSiteRule(options.csrf);
  }

  /**
   * @throws IdentitySessionError `SESSION_MISSING` without a credential, `CROSS_SITE` for a change that another site's
   * page asks for by cookie, else what `SessionChecker.verify` found
   */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const rules = this.#rulesOf(context);
    if (context.getType() === 'ws') {
      const bound = boundConnection(context.switchToWs().getClient<object | undefined>());
      if (bound !== undefined) return this.#canSend(context, rules, bound);
    }
    if (this.options.rpcHeaders !== undefined) readRpcHeaders(context, this.options.rpcHeaders);
    const carrier = carrierOf(context);
    if (rules.anonymous) {
      if (carrier !== undefined && isUnsafe(carrier.method)) {
        this.#refuseCrossSite(carrier, rules, this.credentials.of(carrier));
      }
      return true;
    }
    const response = responseOf(context);
    const canDeliver = response !== undefined && response !== null;
    if (canDeliver) noStore(response);
    const credential = carrier === undefined ? undefined : this.credentials.of(carrier);
    if (carrier === undefined || credential === undefined) {
      if (rules.optional) return withoutSession(carrier);
      throw missing();
    }
    if (isUnsafe(carrier.method)) this.#refuseCrossSite(carrier, rules, credential);
    // What nobody delivers would be lost, and the session with it.
    const asked = canDeliver && fits(rules, context) ? rules : limited(rules, context, canDeliver);
    const address = clientAddress(carrier, this.options.trustProxyHops);
    const userAgent = userAgentOf(carrier);
    const verdict =
      credential.kind === 'vouched'
        ? this.checker.verifyVouched(credential, asked, address, userAgent)
        : this.checker.verify(credential.token, asked, address, userAgent);
    return verdict instanceof Promise
      ? verdict.then((found) => this.#admit(carrier, rules, found, credential, response))
      : this.#admit(carrier, rules, verdict, credential, response);
  }

  /** What comes over a connection that is a session's: whoever sends it has proved that before. */
  #canSend(context: ExecutionContext, rules: RouteRules, bound: BoundConnection): boolean | Promise<boolean> {
    if (rules.anonymous) return true;
    if (bound.credential === null) {
      if (rules.optional) return withoutSession(carrierOf(context));
      throw bound.exceptionOf(missing());
    }
    // Whether messages are activity is decided where they arrive.
    const asked = { ...rules, deliversSuccessor: false, skipTouch: true, allowPending: false };
    const admit = ({ error, session }: SessionVerdict): boolean => {
      const carrier = carrierOf(context);
      if (error !== undefined) {
        if (rules.optional && error.statusCode === 401) return withoutSession(carrier);
        throw bound.exceptionOf(error);
      }
      if (carrier !== undefined) attachSession(carrier, session);
      return true;
    };
    const verdict = this.checker.verifyVouched(bound.credential, asked);
    return verdict instanceof Promise ? verdict.then(admit) : admit(verdict);
  }

  #refuseCrossSite(carrier: SessionCarrier, rules: RouteRules, credential: Credential | undefined): void {
    if (!isAmbient(credential, carrier) || rules.crossSite || !this.#crossSite.isEnabled) return;
    if (this.#crossSite.isForeign(carrier)) throw crossSite();
  }

  #admit(
    carrier: SessionCarrier,
    rules: RouteRules,
    verdict: SessionVerdict,
    credential: Credential,
    response: unknown,
  ): boolean {
    if (verdict.error !== undefined) {
      if (rules.optional && verdict.error.statusCode === 401) return withoutSession(carrier);
      throw verdict.error;
    }
    const { session, successor } = verdict;
    attachSession(carrier, session);
    if (successor !== undefined) {
      const lasting = { rememberMe: session.rememberMe, expiresAt: session.expiresAt.getTime() };
      deliverToken(response, this.cookie, credential.kind, successor, lasting);
    }
    return true;
  }

  #rulesOf(context: ExecutionContext): RouteRules {
    const handler = context.getHandler();
    const controller = context.getClass();
    let byClass = this.#rules.get(handler);
    if (byClass === undefined) this.#rules.set(handler, (byClass = new WeakMap()));
    let rules = byClass.get(controller);
    if (rules === undefined) byClass.set(controller, (rules = this.#readRules(handler, controller)));
    return rules;
  }

  /** What the handler asks for itself wins over the class: also over a class that lets everyone in. */
  #readRules(handler: Target, controller: Target): RouteRules {
    const own = (key: string): unknown => this.reflector.get(key, handler);
    const read = (key: string): unknown => own(key) ?? this.reflector.get(key, controller);
    const { anonymous, optional, assurance, maxAgeMs, strict, skipTouch, allowPending } = ROUTE_METADATA;
    const asksForSession = [assurance, maxAgeMs, strict, allowPending].some((key) => own(key) !== undefined);
    const isAnonymous = asksForSession || own(optional) === true ? own(anonymous) : read(anonymous);
    const isOptional = asksForSession ? own(optional) : read(optional);
    const maxAge = read(maxAgeMs) as number | undefined;
    const level = read(assurance) as AssuranceLevel | undefined;
    return {
      anonymous: isAnonymous === true,
      optional: isOptional === true,
      skipTouch: read(skipTouch) === true,
      strict: read(strict) === true,
      allowDrift: read(ROUTE_METADATA.allowDrift) === true,
      allowPending: read(allowPending) === true,
      crossSite: read(ROUTE_METADATA.crossSite) === true,
      deliversSuccessor: true,
      ...(maxAge === undefined ? {} : { maxAgeMs: maxAge }),
      ...(level === undefined ? {} : { assurance: level }),
    };
  }
}

function missing(): IdentitySessionError {
  return new IdentitySessionError('SESSION_MISSING', 'Sign in first; then send the session cookie or a bearer token.');
}

type Target = Parameters<Reflector['get']>[1];

/** A browser adds cookies by itself, whoever asks; no bearer token. What is vouched for may have come in a cookie. */
function isAmbient(credential: Credential | undefined, { headers }: SessionCarrier): boolean {
  return credential?.kind === 'cookie' || (credential?.kind === 'vouched' && headers['cookie'] !== undefined);
}

/**
 * `null` where an HTTP request tells none; Node gives a repeated one once. What is no HTTP request has none to tell, so
 * that without one there is nothing to compare.
 */
function userAgentOf({ headers, method }: SessionCarrier): string | null | undefined {
  const userAgent = headers['user-agent'];
  if (typeof userAgent === 'string') return userAgent;
  return method === undefined ? undefined : null;
}

/** Admits nobody in particular: what another module's guard has found is another realm's. */
function withoutSession(carrier: SessionCarrier | undefined): true {
  if (carrier !== undefined) detachSession(carrier);
  return true;
}

/** Only a request can take part in a sign-in: its answer takes the new token back, and nobody keeps it. */
function fits({ allowPending }: RouteRules, context: ExecutionContext): boolean {
  return allowPending !== true || context.getType() === 'http';
}

function limited(rules: RouteRules, context: ExecutionContext, canDeliver: boolean): RouteRules {
  return {
    ...rules,
    deliversSuccessor: canDeliver,
    allowPending: rules.allowPending === true && fits(rules, context),
  };
}
