import { Logger } from '@nestjs/common';
import { type CutOff, isInCutOffScope } from '../core/cut-off.js';
import type { ErrorCode, IdentitySessionError } from '../core/errors.js';
import { REFUSALS } from '../nest/check/refusals.js';
import type { VouchedCredential } from '../nest/credential/vouched-session.js';
import type { EndingListener, SessionEnding } from '../nest/endings/session-endings.js';
import { detachSession } from '../nest/guard/route.decorators.js';
import type { SessionIds } from '../nest/session/session-ids.js';
import type { KnownSessions } from '../sync/known-sessions.js';
import type { NodeClock } from '../sync/node-clock.js';
import type { Connection } from './connection.js';
import { type KickQueue, SESSION_REVOKED, type SessionRevoked } from './kick-queue.js';
import { leaveRooms } from './leave-rooms.js';
import type { LocalConnections } from './local-connections.js';
import type { ResolvedSocketsOptions } from './resolve-sockets-options.js';
import type { SessionWatch } from './session-watch.js';

export interface ConnectionCloserPorts {
  readonly connections: LocalConnections;
  readonly kicks: KickQueue;
  readonly known: Pick<KnownSessions, 'trusted'>;
  readonly clock: Pick<NodeClock, 'now'>;
  readonly ids: Pick<SessionIds, 'encode'>;
  readonly options: Pick<ResolvedSocketsOptions, 'onSignOut' | 'whenUnverifiable'>;
  /** Looks at a session now. */
  readonly look: SessionWatch['look'];
}

/** Sessions of a cut-off that are looked at before others get their turn: some milliseconds. */
const LOOKED_AT_ONCE = 300;

/** Has the connections of this node follow what becomes of their sessions. */
export class ConnectionCloser implements EndingListener {
  /** Since the node began. */
  readonly counts = { kicked: 0, unverified: 0 };
  readonly #logger = new Logger('IdentitySession');

  constructor(private readonly ports: ConnectionCloserPorts) {}

  ended({ sessionId, status, reason, at }: SessionEnding): void {
    const [code] = REFUSALS[status];
    this.#close(sessionId, code, reason ?? status, at);
  }

  cutOff({ scope }: CutOff, reason: string | null): void {
    this.#lookAtSome(scope, reason, this.ports.connections.oneOfEachSession());
  }

  /** Others have their turn in between; what is sent meanwhile on behalf of the sessions is refused by its own check. */
  #lookAtSome(scope: CutOff['scope'], reason: string | null, left: Iterator<Connection>): void {
    for (let count = 0; count < LOOKED_AT_ONCE; count += 1) {
      const next = left.next();
      if (next.done === true) return;
      const { credential } = next.value;
      // Whether the session is older than the cut-off is the check's to say.
      if (credential !== null && isInCutOffScope(scope, credential)) this.ports.look(credential, reason);
    }
    setImmediate(() => {
      this.#lookAtSome(scope, reason, left);
    });
  }

  /** To be told what a check has found. `because` is why it was made. */
  refused({ sessionId }: VouchedCredential, error: IdentitySessionError, because?: string | null): void {
    if (error.code === 'SESSION_STORE_UNAVAILABLE') {
      this.#drop(sessionId);
      return;
    }
    const record = this.ports.known.trusted(sessionId)?.record;
    const reason = because ?? record?.endReason ?? error.code.replace('SESSION_', '').toLowerCase();
    this.#close(sessionId, error.code, reason, record?.endedAt ?? this.ports.clock.now());
  }

  #close(sessionId: string, code: ErrorCode, reason: string, at: number): void {
    const { connections, kicks, options } = this.ports;
    const concerned = [...connections.ofSession(sessionId)];
    // Most sessions that end anywhere have no connection here.
    if (concerned.length === 0) return;
    const told: SessionRevoked = { sessionId: this.#named(sessionId), code, reason, at: new Date(at).toISOString() };
    for (const connection of concerned) {
      this.counts.kicked += 1;
      if (code === 'SESSION_SIGNED_OUT' && options.onSignOut === 'detach') {
        connection.socket.emit(SESSION_REVOKED, told);
        this.#detach(connection);
      } else {
        // From here on nothing is for it any more, whenever its turn to be closed comes.
        connections.remove(connection);
        connection.told = told;
        kicks.kick(connection.socket, told);
      }
    }
  }

  /** A codec of the application that throws keeps no connection open. */
  #named(sessionId: string): string {
    try {
      return this.ports.ids.encode(sessionId);
    } catch (error) {
      this.#logger.error(
        `A codec of ids failed; connections are closed without naming their session: ${String(error)}`,
      );
      return '';
    }
  }

  /** What cannot be confirmed may be over. The client comes back by itself, and is told then. */
  #drop(sessionId: string): void {
    const { connections, kicks, options } = this.ports;
    if (options.whenUnverifiable === 'keep') return;
    for (const connection of [...connections.ofSession(sessionId)]) {
      this.counts.unverified += 1;
      // It may take its time to go, and is not found again meanwhile.
      connections.remove(connection);
      kicks.drop(connection.socket);
    }
  }

  #detach(connection: Connection): void {
    const { socket } = connection;
    // What the application let it into, it did for the session.
    leaveRooms(socket);
    detachSession(socket.handshake);
    this.ports.connections.bind(connection, null);
  }
}
