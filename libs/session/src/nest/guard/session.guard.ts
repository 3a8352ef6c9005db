import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { IdentitySessionError } from '../../core/errors.js';
import type { AssuranceLevel } from '../../core/session.js';
import { SessionChecker, type SessionRequirements, type SessionVerdict } from '../check/session-checker.js';
import { noStore } from '../cookie/session-cookie.js';
import { RequestCredentials } from '../credential/request-credentials.js';
import { clientAddress } from '../http/client-address.js';
import { RESOLVED_OPTIONS } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { carrierOf, responseOf, type SessionCarrier } from './carrier.js';
import { attachSession, ROUTE_METADATA } from './route.decorators.js';

interface RouteRules extends SessionRequirements {
  readonly anonymous: boolean;
  readonly optional: boolean;
}

/**
 * Admits requests with a live session and leaves it with the request for `@CurrentSession()`. Works on HTTP (Express
 * and Fastify), GraphQL, sockets and RPC contexts that have headers. A known session awaits nothing. Answers that
 * depend on a session are `no-store`.
 */
@Injectable()
export class SessionGuard implements CanActivate {
  /** By handler, then by class, since a handler may be inherited. */
  readonly #rules = new WeakMap<object, WeakMap<object, RouteRules>>();

  constructor(
    @Inject(SessionChecker) private readonly checker: SessionChecker,
    @Inject(RequestCredentials) private readonly credentials: RequestCredentials,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  /**
   * @throws IdentitySessionError `SESSION_MISSING` without a credential, else what `SessionChecker.verify` found
   */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const rules = this.#rulesOf(context);
    if (rules.anonymous) return true;
    const carrier = carrierOf(context);
    const response = responseOf(context);
    if (response !== undefined && response !== null) noStore(response);
    const credential = carrier === undefined ? undefined : this.credentials.of(carrier);
    if (carrier === undefined || credential === undefined) {
      if (rules.optional) return true;
      throw new IdentitySessionError(
        'SESSION_MISSING',
        'Sign in first; then send the session cookie or a bearer token.',
      );
    }
    const verdict = this.checker.verify(credential.token, rules, clientAddress(carrier, this.options.trustProxyHops));
    return verdict instanceof Promise
      ? verdict.then((found) => admit(carrier, rules, found))
      : admit(carrier, rules, verdict);
  }

  #rulesOf(context: ExecutionContext): RouteRules {
    const handler = context.getHandler();
    const controller = context.getClass();
    let byClass = this.#rules.get(handler);
    if (byClass === undefined) this.#rules.set(handler, (byClass = new WeakMap()));
    let rules = byClass.get(controller);
    if (rules === undefined) byClass.set(controller, (rules = this.#readRules([handler, controller])));
    return rules;
  }

  #readRules(targets: Parameters<Reflector['getAllAndOverride']>[1]): RouteRules {
    const read = (key: string): unknown => this.reflector.getAllAndOverride(key, targets);
    const maxAgeMs = read(ROUTE_METADATA.maxAgeMs) as number | undefined;
    const assurance = read(ROUTE_METADATA.assurance) as AssuranceLevel | undefined;
    return {
      anonymous: read(ROUTE_METADATA.anonymous) === true,
      optional: read(ROUTE_METADATA.optional) === true,
      skipTouch: read(ROUTE_METADATA.skipTouch) === true,
      strict: read(ROUTE_METADATA.strict) === true,
      ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
      ...(assurance === undefined ? {} : { assurance }),
    };
  }
}

function admit(carrier: SessionCarrier, rules: RouteRules, verdict: SessionVerdict): boolean {
  if (verdict.error === undefined) {
    attachSession(carrier, verdict.session);
    return true;
  }
  if (rules.optional && verdict.error.statusCode === 401) return true;
  throw verdict.error;
}
