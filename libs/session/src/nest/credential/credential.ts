import { readCookie } from './cookie-header.js';
import type { VouchedCredential } from './vouched-session.js';

/** A token that a request presents. It is raw text: nobody has looked at it yet. */
export interface TokenCredential {
  readonly kind: 'cookie' | 'bearer';
  readonly token: string;
}

/** What a request has as proof of its session: a token, or the word of the application. */
export type Credential = TokenCredential | VouchedCredential;

/**
 * The part of a request that credentials may come from: its headers, and nothing else. Express, Fastify, Node's
 * requests and socket handshakes fit as they are.
 */
export interface IncomingHeadersCarrier {
  /** Names in lower case, as Node gives them. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The header lines as they arrived, name and value in turn; Node's requests have them. */
  readonly rawHeaders?: readonly string[] | undefined;
  /** Fastify's way to Node's request. */
  readonly raw?: { readonly rawHeaders?: readonly string[] | undefined } | undefined;
}

/**
 * Finds the credential of a request. Called for every request: it must neither wait nor throw. What takes time, such as
 * the check of a signature, belongs into a guard before this one; see `vouchForSession`.
 */
export interface CredentialExtractor {
  /** `undefined` where the request presents none. */
  extract(request: IncomingHeadersCarrier): Credential | undefined;
}

const AUTHORIZATION = 'authorization';
/** The scheme ends where no more characters of a token (RFC 9110) follow. */
const BEARER_SCHEME = /^bearer(?![!#$%&'*+.^_`|~\w-])/i;
const SPACE = 0x20;

/**
 * Reads `Authorization: Bearer` and the session cookie; never the query, the path or the body.
 *
 * - Where both are present the bearer wins, even if it is malformed: what a client says explicitly beats what a browser
 *   adds by itself, and falling back would answer as somebody else.
 * - More than one Authorization header is no credential at all, and the cookie is not consulted either.
 * - Other schemes (Basic, Digest) are not ours; the cookie counts beside them.
 * - A cookie without a value is none.
 *
 * @see OWASP ASVS 5.0 14.2.1, RFC 6750 section 2.1
 */
export class CookieOrBearerExtractor implements CredentialExtractor {
  constructor(private readonly cookieName: string) {}

  extract(request: IncomingHeadersCarrier): TokenCredential | undefined {
    const authorization = request.headers[AUTHORIZATION];
    if (authorization !== undefined) {
      if (typeof authorization !== 'string' || isRepeated(request)) return undefined;
      const token = bearerToken(authorization);
      if (token !== undefined) return { kind: 'bearer', token };
    }
    const cookies = request.headers['cookie'];
    const token = readCookie(typeof cookies === 'object' ? cookies.join('; ') : cookies, this.cookieName);
    return token === undefined || token === '' ? undefined : { kind: 'cookie', token };
  }
}

/** What follows the scheme, possibly nothing; `undefined` for another scheme. */
function bearerToken(authorization: string): string | undefined {
  if (!BEARER_SCHEME.test(authorization)) return undefined;
  let start = 'bearer'.length;
  while (authorization.charCodeAt(start) === SPACE) start++;
  return authorization.slice(start);
}

/** Node keeps the first of two Authorization headers and drops the other silently; a proxy may have read the other. */
function isRepeated(request: IncomingHeadersCarrier): boolean {
  const lines = request.rawHeaders ?? request.raw?.rawHeaders;
  if (lines === undefined) return false;
  let count = 0;
  for (let index = 0; index < lines.length; index += 2) {
    const name = lines[index];
    if (name?.length === AUTHORIZATION.length && name.toLowerCase() === AUTHORIZATION) count++;
  }
  return count > 1;
}
