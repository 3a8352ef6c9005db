import type { IncomingMessage } from 'node:http';
import { CrossSiteRule } from '../nest/csrf/cross-site.js';

/**
 * Whether the page that opens a connection may: its Origin must be the server's own or one of the list, on whatever
 * transport. A connection without an Origin is no page's of another site unless `Sec-Fetch-Site` says so.
 *
 * @see OWASP ASVS 5.0 4.4.2, RFC 6455 section 10.2
 */
export class OriginRule {
  readonly #rule: CrossSiteRule;
  readonly #allowed: ReadonlySet<string>;

  constructor(allowedOrigins: readonly string[]) {
    this.#allowed = new Set(allowedOrigins);
    this.#rule = new CrossSiteRule({ enabled: true, allowedOrigins, allowSameSite: false });
  }

  allows({ headers, rawHeaders }: Pick<IncomingMessage, 'headers' | 'rawHeaders'>): boolean {
    // A browser sends one Origin. Node drops the second of two, and a proxy may have read the other.
    if (rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === 'origin').length > 1) return false;
    if (headers.origin === undefined) return !this.#rule.isForeign({ headers });
    // A sibling subdomain is the same site and another origin.
    const { origin, host, 'sec-fetch-site': site } = headers;
    if (this.#rule.isForeign({ headers: { origin, host } })) return false;
    // The page of the same name without TLS has the same Host: where the browser knows better, that counts.
    return site === undefined || site === 'same-origin' || this.#allowed.has(origin);
  }
}
