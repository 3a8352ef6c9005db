import type { IncomingHeadersCarrier } from '../credential/credential.js';

/** Where requests that change something may come from, beside the application's own pages. */
export interface CrossSiteOptions {
  readonly enabled: boolean;
  /** Serialised origins, compared exactly. */
  readonly allowedOrigins: readonly string[];
  /** Pages of the same site may: of sibling subdomains. */
  readonly allowSameSite: boolean;
}

/** The part of a request that tells what it asks for and which page sent it. */
export interface RequestFromSomewhere extends IncomingHeadersCarrier {
  /** Absent where the carrier is no HTTP request. */
  readonly method?: string | undefined;
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
/** `none`: the user's own doing, such as sending a form again. */
const OWN_SITES: ReadonlySet<string> = new Set(['same-origin', 'none']);

/** Whether a method may change something. @see RFC 9110 section 9.2.1 */
export function isUnsafe(method: string | undefined): boolean {
  return method !== undefined && !SAFE_METHODS.has(method);
}

/**
 * Tells requests that a page of another site had a browser send. `Sec-Fetch-Site` decides where it is there: pages cannot
 * set it, and it holds behind proxies that rewrite Host. Where it is absent, Origin must be the request's own, compared
 * with Host, or one of the allowed. Without either no page has sent it, or a browser from before 2020 has: against those
 * stands the cookie's SameSite. Says nothing about the method.
 *
 * @see OWASP ASVS 5.0 3.5.1, W3C Fetch Metadata Request Headers, OWASP CSRF Prevention Cheat Sheet
 */
export class CrossSiteRule {
  readonly #allowed: ReadonlySet<string>;

  constructor(private readonly options: CrossSiteOptions) {
    this.#allowed = new Set(options.allowedOrigins);
  }

  get isEnabled(): boolean {
    return this.options.enabled;
  }

  isForeign({ headers }: IncomingHeadersCarrier): boolean {
    const origin = textOf(headers['origin']);
    if (origin !== undefined && this.#allowed.has(origin)) return false;
    const site = textOf(headers['sec-fetch-site']);
    if (site === undefined)
      return origin !== undefined && !isOfHost(origin, textOf(headers['host'] ?? headers[':authority']));
    return !OWN_SITES.has(site) && !(site === 'same-site' && this.options.allowSameSite);
  }
}

/** A header that came twice is one text with a comma, which no value matches. */
function textOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'object' ? value.join(', ') : value;
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': ':80', 'https:': ':443' };

/** The scheme is not compared: behind a proxy that ends TLS nobody knows it for sure. */
function isOfHost(origin: string, host: string | undefined): boolean {
  const [protocol = '', own] = origin.split('//', 2);
  const port = DEFAULT_PORTS[protocol];
  if (host === undefined || own === undefined || port === undefined || !isOrigin(origin)) return false;
  const asked = host.toLowerCase();
  return asked === own || asked === own + port;
}

/**
 * Whether a text is an origin as browsers serialise it: scheme, host and a port that is not the default, in lower case.
 * `null` is none.
 */
export function isOrigin(text: string): boolean {
  // What an application inside a web view has (capacitor://localhost) is opaque to URL.
  if (!/^https?:/.test(text)) return /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9.:[\]-]+$/.test(text);
  return !text.includes('*') && URL.canParse(text) && new URL(text).origin === text;
}
