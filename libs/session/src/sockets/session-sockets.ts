import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import type { Namespace, Server, Socket } from 'socket.io';
import { IdentitySessionError } from '../core/errors.js';
import { SessionChecker, type SessionVerdict } from '../nest/check/session-checker.js';
import { RequestCredentials } from '../nest/credential/request-credentials.js';
import type { VouchedCredential } from '../nest/credential/vouched-session.js';
import { SessionEndings } from '../nest/endings/session-endings.js';
import { bindConnection } from '../nest/guard/bound-connections.js';
import { attachSession } from '../nest/guard/route.decorators.js';
import { SessionMetrics } from '../nest/metrics/session-metrics.js';
import { schedule } from '../nest/module/schedule.js';
import { SignInListeners } from '../nest/sign-in/sign-in-listeners.js';
import { RESOLVED_OPTIONS } from '../nest/module/tokens.js';
import type { ResolvedOptions } from '../nest/options/resolve-options.js';
import { KnownSessions } from '../sync/known-sessions.js';
import { NodeClock } from '../sync/node-clock.js';
import { AnonymousConnections, AUTHENTICATE, type Authenticated } from './anonymous-connections.js';
import { Connection } from './connection.js';
import { ConnectionCloser } from './connection-closer.js';
import { HookRunner } from './hook-runner.js';
import { engineConnectionsOf } from './engine-connections.js';
import { KickQueue } from './kick-queue.js';
import { LocalConnections } from './local-connections.js';
import { SlowReceivers } from './messages/slow-receivers.js';
import { NodeBus } from './nodes/node-bus.js';
import type { ResolvedSocketsOptions } from './resolve-sockets-options.js';
import { SessionWatch } from './session-watch.js';
import { type SocketFigures, socketSamples } from './socket-metrics.js';
import { SocketHandshake } from './socket-handshake.js';
import { connectErrorOf, socketExceptionOf, socketProblemOf } from './socket-problem.js';
import { SOCKETS_OPTIONS } from './tokens.js';

/**
 * Binds socket.io connections to sessions. Every namespace asks for a session, those made later too; a connection closes
 * when its session ends, wherever and however it does; what a client sends is checked as a request is.
 */
@Injectable()
export class SessionSockets implements BeforeApplicationShutdown {
  readonly #handshake: SocketHandshake;
  readonly #watch: SessionWatch;
  readonly #closer: ConnectionCloser;
  readonly #anonymous: AnonymousConnections;
  readonly #kicks = new KickQueue(schedule);
  readonly #servers = new Set<Server>();
  readonly #stopListening: (() => void)[];
  #isStopped = false;

  constructor(
    @Inject(SOCKETS_OPTIONS) private readonly options: ResolvedSocketsOptions,
    @Inject(RESOLVED_OPTIONS) { maxStalenessMs, trustProxyHops }: ResolvedOptions,
    @Inject(SessionChecker) private readonly checker: SessionChecker,
    @Inject(RequestCredentials) credentials: RequestCredentials,
    @Inject(NodeClock) private readonly clock: NodeClock,
    @Inject(KnownSessions) known: KnownSessions,
    @Inject(SessionEndings) endings: SessionEndings,
    @Inject(SignInListeners) signIns: SignInListeners,
    @Inject(LocalConnections) private readonly connections: LocalConnections,
    @Inject(NodeBus) private readonly bus: NodeBus,
    @Inject(SlowReceivers) private readonly slow: SlowReceivers,
    @Inject(HookRunner) private readonly hooks: HookRunner,
    @Inject(SessionMetrics) metrics: SessionMetrics,
  ) {
    metrics.add(() => socketSamples(this.figures));
    this.#handshake = new SocketHandshake(checker, credentials, { anonymous: options.anonymous, trustProxyHops });
    this.#watch = new SessionWatch({
      connections,
      known,
      checker,
      maxStalenessMs,
      schedule,
      onRefused: (...found) => {
        this.#closer.refused(...found);
      },
    });
    this.#closer = new ConnectionCloser({
      connections,
      kicks: this.#kicks,
      known,
      clock,
      options,
      look: (...what) => {
        this.#watch.look(...what);
      },
    });
    this.#anonymous = new AnonymousConnections({
      connections,
      handshake: this.#handshake,
      bind: (connection, credential) => {
        this.#refuseTooMany(credential);
        this.#bind(connection, credential);
      },
    });
    this.#stopListening = [
      endings.listen(this.#closer),
      signIns.listen((request, session) => {
        this.#anonymous.adopt(request, session);
      }),
    ];
    this.#watch.start();
  }

  /** Since the node began, and now. */
  get figures(): SocketFigures {
    return { connections: this.connections.size, ...this.#closer.counts, ...this.slow.counts };
  }

  /** The servers that are bound. */
  get servers(): readonly Server[] {
    return [...this.#servers];
  }

  /** Guards all namespaces of a server, before it has connections. `SessionIoAdapter` does it for the servers of Nest. */
  bind(server: Server): void {
    if (this.#servers.has(server)) return;
    this.#servers.add(server);
    this.bus.bind(server);
    for (const namespace of server._nsps.values()) this.#guard(namespace);
    server.on('new_namespace', (namespace) => {
      this.#guard(namespace);
    });
  }

  /** Closes every connection and lets none in any more. Final. */
  stop(): void {
    this.#isStopped = true;
    for (const stop of this.#stopListening) stop();
    this.#watch.stop();
    for (const server of this.#servers) {
      // The connections themselves: a client that is told to leave a namespace does not come back by itself, and one that
      // polls would be waited for.
      for (const connection of engineConnectionsOf(server)) connection.close(true);
    }
  }

  beforeApplicationShutdown(): void {
    this.stop();
  }

  #guard(namespace: Namespace): void {
    namespace.use((socket, next) => {
      void this.#admit(socket).then(
        () => {
          next();
        },
        (error: unknown) => {
          next(connectErrorOf(asRefusal(error)));
        },
      );
    });
    namespace.on('connection', (socket) => {
      this.#connected(socket);
    });
  }

  /** Rejects with why the connection is refused. */
  async #admit(socket: Socket): Promise<void> {
    this.#refuseStopped();
    const credential = await this.#handshake.authenticate(socket);
    this.#refuseStopped();
    this.#refuseTooMany(credential);
    (socket.data as HandshakeData)[PROVED] = credential;
  }

  #connected(socket: Socket): void {
    const data = socket.data as HandshakeData;
    const credential = data[PROVED];
    // What a server was told to let in without asking is not let in.
    if (credential === undefined || this.#isStopped) {
      socket.disconnect(true);
      return;
    }
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a symbol that only this file has
    delete data[PROVED];
    const connection = new Connection(socket, this.#handshake.addressOf(socket), this.clock.now());
    try {
      this.#refuseTooMany(credential);
      this.connections.add(connection);
    } catch (error) {
      socket.emit('exception', socketProblemOf(asRefusal(error)));
      socket.disconnect(true);
      return;
    }
    socket.on('disconnect', (reason) => {
      this.connections.remove(connection);
      this.hooks.disconnected(connection, reason);
    });
    socket.use((packet, next) => {
      const [event, message, answer] = packet as readonly unknown[];
      if (event === AUTHENTICATE) this.#authenticate(connection, message, answer);
      else this.#received(connection, this.hooks.heard(connection, packet, next));
    });
    if (credential !== null) this.#bind(connection, credential);
    else bindConnection(socket, { credential, exceptionOf: socketExceptionOf });
    this.hooks.connected(connection);
  }

  #bind(connection: Connection, credential: VouchedCredential): void {
    const { socket } = connection;
    bindConnection(socket, { credential, exceptionOf: socketExceptionOf });
    this.connections.bind(connection, credential);
    // What was applied between the handshake and now had nobody to close.
    this.#watch.look(credential);
  }

  /** What is sent meanwhile waits, and is decided by what came of it. */
  #authenticate(connection: Connection, message: unknown, answer: unknown): void {
    const before = connection.pending ?? Promise.resolve();
    const decision = before.then(async () => {
      const outcome = await this.#anonymous.authenticate(connection, message);
      if (typeof answer === 'function') (answer as (outcome: Authenticated) => void)(outcome);
      else if ('error' in outcome) connection.socket.emit('exception', outcome.error);
    });
    connection.pending = this.#last(connection, decision);
  }

  /** Lets a message through whose session serves; in the order in which they came. */
  #received(connection: Connection, next: () => void): void {
    connection.lastActiveAt = this.clock.now();
    const { pending } = connection;
    if (pending === undefined) {
      const decision = this.#decide(connection, next);
      if (decision !== undefined) connection.pending = this.#last(connection, decision);
      return;
    }
    connection.pending = this.#last(
      connection,
      pending.then(() => this.#decide(connection, next)),
    );
  }

  #last(connection: Connection, decision: Promise<void>): Promise<void> {
    const last = decision.finally(() => {
      if (connection.pending === last) connection.pending = undefined;
    });
    return last;
  }

  /** At once where memory can tell. */
  #decide(connection: Connection, next: () => void): Promise<void> | undefined {
    const { credential, address } = connection;
    if (credential === null) {
      next();
      return undefined;
    }
    const rules = this.options.inboundIsActivity ? ACTIVE : PASSIVE;
    const verdict = this.checker.verifyVouched(credential, rules, address);
    const settle = ({ session, error }: SessionVerdict): void => {
      if (error === undefined) {
        attachSession(connection.socket.handshake, session);
        next();
        return;
      }
      if (error.code !== 'SESSION_STORE_UNAVAILABLE') this.#closer.refused(credential, error);
      else connection.socket.emit('exception', socketProblemOf(error));
    };
    if (verdict instanceof Promise) return verdict.then(settle);
    settle(verdict);
    return undefined;
  }

  #refuseStopped(): void {
    if (!this.#isStopped) return;
    const message = 'The server is stopping. Connect again.';
    throw new IdentitySessionError('SESSION_STORE_UNAVAILABLE', message, { retryAfterSeconds: 1 });
  }

  #refuseTooMany(credential: VouchedCredential | null): void {
    const { limits } = this.options;
    if (this.connections.size >= limits.perNode) throw tooMany('of this server', limits.perNode);
    if (credential === null) return;
    const { sessionId, tenantId, userId } = credential;
    if (this.connections.ofSession(sessionId).size >= limits.perSession) {
      throw tooMany('of this session', limits.perSession);
    }
    if (this.connections.ofUser(tenantId, userId).size >= limits.perUser) throw tooMany('of this user', limits.perUser);
  }
}

const PASSIVE = { skipTouch: true };
const ACTIVE = { skipTouch: false };

const PROVED = Symbol('identity-session:proved');

/** Between the handshake and the connection. */
interface HandshakeData {
  [PROVED]?: VouchedCredential | null;
}

function tooMany(whose: string, most: number): IdentitySessionError {
  const message = `There are ${most} connections ${whose}, which is the most. Close one of them.`;
  return new IdentitySessionError('TOO_MANY_REQUESTS', message, { retryAfterSeconds: 10 });
}

function asRefusal(error: unknown): IdentitySessionError {
  if (error instanceof IdentitySessionError) return error;
  const message = 'The connection could not be checked. Try again.';
  return new IdentitySessionError('SESSION_STORE_UNAVAILABLE', message, { retryAfterSeconds: 1 }, error);
}
