import type { Socket } from 'socket.io';
import { IdentitySessionError } from '../core/errors.js';
import type { SessionChecker } from '../nest/check/session-checker.js';
import type { SessionVerdict } from '../nest/check/session-verdict.js';
import type { SessionRequirements } from '../nest/check/session-judge.js';
import { type VouchedCredential, vouchFor } from '../nest/credential/vouched-session.js';
import type { Credential } from '../nest/credential/credential.js';
import type { RequestCredentials } from '../nest/credential/request-credentials.js';
import { attachSession } from '../nest/guard/route.decorators.js';
import { clientAddress } from '../nest/http/client-address.js';
import type { Session } from '../nest/session/session.js';
import type { KnownSessions } from '../sync/known-sessions.js';
import { AHEAD } from './session-watch.js';

/** No header is longer. */
const LONGEST_TOKEN = 16_384;

/** Finds whose connection it is: by `auth.token`, else as for any request by Authorization or cookie. */
export class SocketHandshake {
  constructor(
    private readonly checker: SessionChecker,
    private readonly credentials: RequestCredentials,
    private readonly known: Pick<KnownSessions, 'isHeldFor'>,
    private readonly options: {
      readonly anonymous: boolean;
      readonly trustProxyHops: number;
      readonly maxStalenessMs: number;
    },
  ) {}

  /**
   * The session that the handshake proves, with the rights that it proves; `null` where there is none and none is needed.
   * Rejects with why the connection is refused.
   * @throws IdentitySessionError as `SessionGuard`
   */
  async authenticate(socket: Socket): Promise<VouchedCredential | null> {
    const credential = this.#credentialOf(socket);
    if (credential === undefined) {
      if (this.options.anonymous) return null;
      throw new IdentitySessionError('SESSION_MISSING', 'Sign in first; then connect with the cookie or `auth.token`.');
    }
    const { session, error } = await this.#verify(socket, credential);
    if (error === undefined) return this.take(socket, session);
    // A cookie that is over comes by itself, as with routes where a session is optional.
    if (this.options.anonymous && credential.kind === 'cookie' && error.statusCode === 401) return null;
    throw error;
  }

  /**
   * The session of a token that came as a message.
   * @throws IdentitySessionError as `SessionGuard`
   */
  async sessionOf(socket: Socket, token: unknown): Promise<Session> {
    const { session, error } = await this.#verify(socket, tokenOf(token));
    if (error !== undefined) throw error;
    return session;
  }

  /** Leaves the session with the connection; gives what it has proved by it. */
  take(socket: Socket, session: Session): VouchedCredential {
    attachSession(socket.handshake, session);
    const { id: sessionId, userId, tenantId, assurance, authenticatedAt } = session;
    return vouchFor({ sessionId, userId, tenantId, assurance, authenticatedAt });
  }

  addressOf({ handshake }: Socket): string | null {
    const { headers, address: remoteAddress } = handshake;
    return clientAddress({ headers, socket: { remoteAddress } }, this.options.trustProxyHops);
  }

  /** From memory only where that may be trusted until the connection is looked at again: a request would be over by then. */
  async #verify(socket: Socket, credential: Credential): Promise<SessionVerdict> {
    const verdict = await this.#ask(socket, credential, {});
    const { session, error } = verdict;
    if (error !== undefined || this.known.isHeldFor(session.id, this.options.maxStalenessMs * AHEAD)) return verdict;
    return this.#ask(socket, credential, { strict: true });
  }

  #ask(
    socket: Socket,
    credential: Credential,
    requirements: SessionRequirements,
  ): SessionVerdict | Promise<SessionVerdict> {
    const { 'user-agent': userAgent = null } = socket.handshake.headers;
    const address = this.addressOf(socket);
    return credential.kind === 'vouched'
      ? this.checker.verifyVouched(credential, requirements, address, userAgent)
      : this.checker.verify(credential.token, requirements, address, userAgent);
  }

  #credentialOf({ handshake, request }: Socket): Credential | undefined {
    // A client may send anything in the place of an object.
    const { token } = (handshake.auth as { token?: unknown } | null | undefined) ?? {};
    return token === undefined || token === null ? this.credentials.of(request) : tokenOf(token);
  }
}

/** What is no text is no token, and falls back on nothing: what a client says explicitly is what counts. */
function tokenOf(token: unknown): Credential {
  return { kind: 'bearer', token: typeof token === 'string' && token.length <= LONGEST_TOKEN ? token : '' };
}
