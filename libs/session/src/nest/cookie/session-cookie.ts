import type { Clock } from '../../core/clock.js';
import { IdentitySessionError } from '../../core/errors.js';
import type { SessionRecord } from '../../core/session.js';
import { appendHeader, setHeader } from '../http/response-headers.js';

export interface SessionCookieOptions {
  /** Default `__Host-session` where `secure`, else `session`. */
  readonly name?: string | undefined;
  /** False only where the application is reached over plain http, in development. */
  readonly secure: boolean;
  /** Default `lax`. */
  readonly sameSite?: 'lax' | 'strict' | undefined;
  readonly clock: Clock;
}

/** Characters that RFC 9110 allows in a token, which a cookie's name is. */
const COOKIE_NAME = /^[!#$%&'*+.^_`|~\w-]+$/;
/** Browsers compare the prefixes without regard to case. */
const PREFIX_THAT_NEEDS_TLS = /^__(?:host|secure)-/i;
const COOKIE_VALUE = /^[\w.~-]+$/;

/**
 * Writes and clears the session cookie on Express, Fastify and Node responses. Always `Path=/` and `HttpOnly`, never
 * `Domain`. The application's other cookies are left alone; an earlier line for this same cookie in the same answer is
 * replaced, so that no token leaves that is dead already. Each answer that carries the cookie becomes `no-store`.
 *
 * @see OWASP ASVS 5.0 3.3, RFC 6265bis section 4.1.3
 */
export class SessionCookie {
  /** What the cookie is called; the extractor must look for the same. */
  readonly name: string;
  readonly #attributes: string;
  readonly #clock: Clock;

  /** @throws IdentitySessionError `CONFIGURATION_INVALID` for a name that browsers would refuse */
  constructor(options: SessionCookieOptions) {
    this.name = options.name ?? (options.secure ? '__Host-session' : 'session');
    this.#clock = options.clock;
    const sameSite = options.sameSite === 'strict' ? 'Strict' : 'Lax';
    this.#attributes = `; Path=/; HttpOnly; SameSite=${sameSite}${options.secure ? '; Secure' : ''}`;
    if (!COOKIE_NAME.test(this.name)) {
      throw invalid(`"${this.name}" cannot be the name of a cookie; use letters, digits, "-" and "_".`);
    }
    if (!options.secure && PREFIX_THAT_NEEDS_TLS.test(this.name)) {
      throw invalid(`browsers refuse "${this.name}" without Secure; serve over TLS or choose a name without prefix.`);
    }
  }

  /**
   * Sends the token. A "remember me" session's cookie gets `Max-Age`: whole seconds, never more than is left of the
   * session on the injected clock. Any other one ends with the browser.
   * @throws TypeError for a token with characters that would break out of the cookie; it is not in the message
   */
  write(response: unknown, token: string, session: Pick<SessionRecord, 'expiresAt' | 'rememberMe'>): void {
    if (!COOKIE_VALUE.test(token)) throw new TypeError('The token has characters that a cookie cannot carry.');
    const leftSeconds = Math.max(0, Math.floor((session.expiresAt - this.#clock.now()) / 1000));
    this.#send(response, `${token}${this.#attributes}${session.rememberMe ? `; Max-Age=${leftSeconds}` : ''}`);
  }

  /** Makes the browser forget the cookie: the same attributes, no value, and an end in the past. */
  clear(response: unknown): void {
    this.#send(response, `${this.#attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`);
  }

  #send(response: unknown, valueAndAttributes: string): void {
    const start = `${this.name}=`;
    // A line with other attributes is another cookie: the application may be clearing one it used to set itself.
    const isOurs = (line: string): boolean => line.startsWith(start) && line.includes(this.#attributes);
    appendHeader(response, 'Set-Cookie', start + valueAndAttributes, isOurs);
    noStore(response);
  }
}

function invalid(what: string): IdentitySessionError {
  return new IdentitySessionError('CONFIGURATION_INVALID', `The session cookie is not valid: ${what}`);
}

/**
 * Keeps an answer that depends on a session, or sets its cookie, out of every cache. Replaces a Cache-Control that was
 * set before.
 * @see OWASP ASVS 5.0 14.3.2
 */
export function noStore(response: unknown): void {
  setHeader(response, 'Cache-Control', 'no-store');
}

/** What a browser can be asked to forget. */
export type ClearSiteDataKind = 'cache' | 'cookies' | 'storage';

const CLEARED_AT_SIGN_OUT: readonly ClearSiteDataKind[] = ['cache', 'storage'];

/**
 * Asks the browser to forget what the signed-in user left behind in this origin. Browsers obey over TLS only.
 *
 * By default cached answers (pages kept for the back button included) and the origin's storage, which is where an
 * application keeps what belongs to the user. Not `cookies`: that would reach all subdomains of the registrable domain
 * and sign people out of the neighbours, lose cookies of the application that are not about the user, and race with
 * cookies of the same answer; `SessionCookie.clear` removes the one that counts. An application whose storage must
 * outlive a sign-out (drafts, push subscriptions) gives `['cache']`; an empty list sends nothing.
 *
 * @see OWASP ASVS 5.0 14.3.1, W3C Clear Site Data section 3.1
 */
export function clearSiteData(response: unknown, kinds: readonly ClearSiteDataKind[] = CLEARED_AT_SIGN_OUT): void {
  if (kinds.length > 0) setHeader(response, 'Clear-Site-Data', kinds.map((kind) => `"${kind}"`).join(', '));
}
