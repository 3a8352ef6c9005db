import { Logger } from '@nestjs/common';
import { IdentitySessionError } from '../core/errors.js';
import type { SessionRecord } from '../core/session.js';
import { type VouchedCredential, vouchFor } from '../nest/credential/vouched-session.js';
import type { SessionCarrier } from '../nest/guard/carrier.js';
import type { SessionIds } from '../nest/session/session-ids.js';
import type { Connection } from './connection.js';
import type { LocalConnections } from './local-connections.js';
import type { SocketHandshake } from './socket-handshake.js';
import { type SocketProblem, socketProblemOf } from './socket-problem.js';

/** The message by which an anonymous connection proves its session: `{ token }`. */
export const AUTHENTICATE = 'session:authenticate';
/** What a client gets once its connection is a session's, however that came about. */
export const AUTHENTICATED = 'session:authenticated';
/** The header by which a sign-in names the connections of the page that asks for it: their ids, with commas. */
export const SOCKET_ID_HEADER = 'socket-id';

/** Namespaces that a page is in at once. */
const MOST_ADOPTED = 10;
/** Then the connection is closed: whoever guesses must come anew, past the limits of the network. */
const MOST_FAILURES = 5;

/** What becomes of an attempt to authenticate. */
export type Authenticated = { readonly sessionId: string; readonly userId: string } | { readonly error: SocketProblem };

export interface AnonymousConnectionsPorts {
  readonly connections: LocalConnections;
  readonly handshake: Pick<SocketHandshake, 'sessionOf' | 'take'>;
  readonly ids: Pick<SessionIds, 'encode'>;
  /** Binds a connection, unless there are too many already. */
  readonly bind: (connection: Connection, credential: VouchedCredential) => void;
}

/** Gives connections that were let in without a session the one that their user signs in to. */
export class AnonymousConnections {
  readonly #logger = new Logger('IdentitySession');
  readonly #failures = new WeakMap<Connection, number>();

  constructor(private readonly ports: AnonymousConnectionsPorts) {}

  /**
   * Binds the connections that a sign-in names. A page of another site cannot send that header, and nobody knows the id of
   * another's connection; one of another browser is not taken all the same.
   */
  adopt({ headers }: SessionCarrier, { id: sessionId, ...session }: SessionRecord): void {
    const named = headers[SOCKET_ID_HEADER];
    if (typeof named !== 'string') return;
    const { userId, tenantId, assurance } = session;
    const authenticatedAt = new Date(session.authenticatedAt);
    for (const id of named.split(',', MOST_ADOPTED)) {
      const connection = this.ports.connections.get(id.trim());
      if (connection === undefined || connection.credential !== null) continue;
      if (connection.socket.handshake.headers['user-agent'] !== headers['user-agent']) continue;
      try {
        this.#bind(connection, vouchFor({ sessionId, userId, tenantId, assurance, authenticatedAt }));
      } catch (error) {
        if (!(error instanceof IdentitySessionError)) throw error;
        // There are too many of that session or user. The sign-in is done all the same; this one stays as it is.
        this.#logger.debug(`A connection was not adopted by its sign-in: ${error.message}`);
      }
    }
  }

  /** Binds a connection to the session whose token it sends. Never rejects. */
  async authenticate(connection: Connection, message: unknown): Promise<Authenticated> {
    try {
      refuseBound(connection);
      const { token } = (message as { token?: unknown } | null | undefined) ?? {};
      const session = await this.ports.handshake.sessionOf(connection.socket, token);
      // A sign-in may have taken it meanwhile.
      refuseBound(connection);
      return this.#bind(connection, this.ports.handshake.take(connection.socket, session));
    } catch (error) {
      if (!(error instanceof IdentitySessionError)) throw error;
      // It says nothing of a token that there are too many, or that the database is away.
      if (error.statusCode === 401) this.#failed(connection);
      return { error: socketProblemOf(error) };
    }
  }

  #bind(connection: Connection, credential: VouchedCredential): Authenticated {
    const { sessionId, userId } = credential;
    // First: a codec that throws leaves the connection as it is.
    const told = { sessionId: this.ports.ids.encode(sessionId), userId };
    this.ports.bind(connection, credential);
    connection.socket.emit(AUTHENTICATED, told);
    return told;
  }

  #failed(connection: Connection): void {
    const failures = (this.#failures.get(connection) ?? 0) + 1;
    this.#failures.set(connection, failures);
    if (failures >= MOST_FAILURES) connection.socket.disconnect(true);
  }
}

function refuseBound({ credential }: Connection): void {
  if (credential === null) return;
  throw new IdentitySessionError('ILLEGAL_TRANSITION', 'The connection has its session. Connect anew for another.');
}
