import type { SessionCookie } from '../cookie/session-cookie.js';
import { noStore } from '../cookie/session-cookie.js';
import { setHeader } from '../http/response-headers.js';
import type { Credential } from './credential.js';

/** The header in which a bearer client gets a new token. */
export const SESSION_TOKEN_HEADER = 'Session-Token';

/**
 * Gives a rotated token back the way that the old one came. No cache may keep the answer. Who came without a token gets
 * none: it would be a second credential, which nobody has asked for.
 */
export function deliverToken(
  response: unknown,
  cookie: SessionCookie,
  transport: Credential['kind'],
  token: string,
  session: Parameters<SessionCookie['write']>[2],
): void {
  if (transport === 'cookie') cookie.write(response, token, session);
  else if (transport === 'bearer') setHeader(response, SESSION_TOKEN_HEADER, token);
  noStore(response);
}
