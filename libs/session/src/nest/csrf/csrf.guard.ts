import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { IdentitySessionError } from '../../core/errors.js';
import { RequestCredentials } from '../credential/request-credentials.js';
import { carrierOf } from '../guard/carrier.js';
import { ROUTE_METADATA } from '../guard/route.decorators.js';
import { RESOLVED_OPTIONS } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { CrossSiteRule, isUnsafe } from './cross-site.js';

/**
 * Refuses requests that change something and that a page of another site had a browser send. `SessionGuard` does so for
 * what comes with a session's cookie; this guard does so whether there is a cookie or not, for routes that have no
 * session yet: a sign-in, a sign-up, anything that another page must not do in a visitor's name. Requests with a bearer
 * token pass, for no browser adds one by itself; so does what a program sends, and any route with `@AllowCrossSite()`.
 *
 *     @UseGuards(CsrfGuard) @Post('sign-in') …
 */
@Injectable()
export class CsrfGuard implements CanActivate {
  readonly #rule: CrossSiteRule;

  constructor(
    @Inject(RESOLVED_OPTIONS) { csrf }: Pick<ResolvedOptions, 'csrf'>,
    @Inject(RequestCredentials) private readonly credentials: RequestCredentials,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {
    this.#rule = new CrossSiteRule(csrf);
  }

  /** @throws IdentitySessionError `CROSS_SITE` */
  canActivate(context: ExecutionContext): boolean {
    const carrier = carrierOf(context);
    if (carrier === undefined || !this.#rule.isEnabled || !isUnsafe(carrier.method)) return true;
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride(ROUTE_METADATA.crossSite, targets) === true) return true;
    if (this.credentials.of(carrier)?.kind === 'bearer' || !this.#rule.isForeign(carrier)) return true;
    throw crossSite();
  }
}

export function crossSite(): IdentitySessionError {
  return new IdentitySessionError(
    'CROSS_SITE',
    'A page of another site may not do this. If that page is yours, add its origin to csrf.allowedOrigins.',
  );
}
