import { hash, timingSafeEqual } from 'node:crypto';
import { COOKIE_NAME } from './variants.mjs';

/** What Nest takes for any guard at all. */
export class YesGuard {
  canActivate() {
    return true;
  }
}

/** The least that a revocable check can do: find the cookie and a digest, compare. Leaves nobody with the request. */
export class FloorGuard {
  #digests = new Map();

  admit(token) {
    const body = token.slice(TOKEN_PREFIX.length);
    this.#digests.set(idOf(body), hash('sha256', body, 'buffer'));
  }

  canActivate(context) {
    const body = tokenBody(context.getArgByIndex(0));
    const digest = body === undefined ? undefined : this.#digests.get(idOf(body));
    return digest !== undefined && timingSafeEqual(digest, hash('sha256', body, 'buffer'));
  }
}

/** The usual check of a session table: one row by a prepared statement on a pool, and the user with the request. */
export class SelectGuard {
  #pool;

  constructor(pool) {
    this.#pool = pool;
  }

  async canActivate(context) {
    const request = context.getArgByIndex(0);
    const body = tokenBody(request);
    if (body === undefined) return false;
    const { rows } = await this.#pool.query({
      name: 'session',
      text: `SELECT user_id, token_digest FROM identity_session WHERE id = $1 AND status = 'active'`,
      values: [idOf(body)],
    });
    if (rows.length === 0 || !timingSafeEqual(rows[0].token_digest, hash('sha256', body, 'buffer'))) return false;
    request.user = rows[0].user_id;
    return true;
  }
}

const TOKEN_PREFIX = 'ids_';
const PREFIX = `${COOKIE_NAME}=${TOKEN_PREFIX}`;

function tokenBody({ headers: { cookie } }) {
  const start = cookie?.indexOf(PREFIX) ?? -1;
  if (start === -1) return undefined;
  const end = cookie.indexOf(';', start);
  return cookie.slice(start + PREFIX.length, end === -1 ? undefined : end);
}

/** `body` is `<id>.<generation>.<secret>`. */
function idOf(body) {
  return body.slice(0, body.indexOf('.'));
}
