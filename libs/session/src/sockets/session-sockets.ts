import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import type { Namespace, Server, Socket } from 'socket.io';
import { IdentitySessionError } from '../core/errors.js';
import { SessionChecker } from '../nest/check/session-checker.js';
import { RequestCredentials } from '../nest/credential/request-credentials.js';
import type { VouchedCredential } from '../nest/credential/vouched-session.js';
import { SessionEndings } from '../nest/endings/session-endings.js';
import { bindConnection } from '../nest/guard/bound-connections.js';
import { SessionMetrics } from '../nest/metrics/session-metrics.js';
import { schedule } from '../nest/module/schedule.js';
import { SignInListeners } from '../nest/sign-in/sign-in-listeners.js';
import { RESOLVED_OPTIONS } from '../nest/module/tokens.js';
import type { ResolvedOptions } from '../nest/options/resolve-options.js';
import { KnownSessions } from '../sync/known-sessions.js';
import { NodeClock } from '../sync/node-clock.js';
import { AcknowledgementGate } from './acknowledgement-gate.js';
import { AnonymousConnections } from './anonymous-connections.js';
import { keepWhileJoined } from './child-namespaces.js';
import { Connection } from './connection.js';
import { ConnectionLimits } from './connection-limits.js';
import { ConnectionCloser } from './connection-closer.js';
import { HookRunner } from './hook-runner.js';
import { engineConnectionsOf } from './engine-connections.js';
import { IdleClients } from './idle-clients.js';
import { InboundMessages } from './inbound-messages.js';
import { KickQueue } from './kick-queue.js';
import { LocalConnections } from './local-connections.js';
import { SlowReceivers } from './messages/slow-receivers.js';
import { NodeBus } from './nodes/node-bus.js';
import type { ResolvedSocketsOptions } from './resolve-sockets-options.js';
import { RecoveryGate } from './recovery-gate.js';
import { SessionWatch } from './session-watch.js';
import { type SocketFigures, socketSamples } from './socket-metrics.js';
import { SocketHandshake } from './socket-handshake.js';
import { usePackets } from './use-packets.js';
import { connectErrorOf, socketProblemOf } from './socket-problem.js';
import { SOCKETS_OPTIONS } from './tokens.js';
import { UnexpectedErrors } from './unexpected-errors.js';

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
  readonly #inbound: InboundMessages;
  readonly #acknowledgements: AcknowledgementGate;
  readonly #recovery: RecoveryGate;
  readonly #limits: ConnectionLimits;
  readonly #idle: IdleClients;
  readonly #unexpected = new UnexpectedErrors();
  /** Between the handshake and the connection. */
  readonly #proved = new WeakMap<Socket, VouchedCredential | null>();
  readonly #kicks = new KickQueue(schedule);
  readonly #servers = new Set<Server>();
  readonly #stopListening: (() => void)[];
  #isStopped = false;

  constructor(
    @Inject(SOCKETS_OPTIONS) options: ResolvedSocketsOptions,
    @Inject(RESOLVED_OPTIONS) { maxStalenessMs, trustProxyHops, codecs }: ResolvedOptions,
    @Inject(SessionChecker) checker: SessionChecker,
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
    this.#limits = new ConnectionLimits(connections, options);
    this.#idle = new IdleClients(options.handshakeTimeoutMs, schedule);
    this.#handshake = new SocketHandshake(checker, credentials, known, {
      anonymous: options.anonymous,
      trustProxyHops,
      maxStalenessMs,
    });
    this.#watch = new SessionWatch({
      connections,
      known,
      clock,
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
      ids: codecs.id,
      options,
      look: (...what) => {
        this.#watch.look(...what);
      },
    });
    this.#anonymous = new AnonymousConnections({
      connections,
      handshake: this.#handshake,
      ids: codecs.id,
      bind: (connection, credential) => {
        this.#limits.demandRoomOf(credential);
        this.connections.bind(connection, credential);
        this.#watch.look(credential);
      },
    });
    this.#recovery = new RecoveryGate(connections, checker);
    this.#inbound = new InboundMessages({
      anonymous: this.#anonymous,
      checker,
      hooks,
      isActivity: options.inboundIsActivity,
      onRefused: (...found) => {
        this.#closer.refused(...found);
      },
    });
    this.#acknowledgements = new AcknowledgementGate(connections, this.#inbound);
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
    keepWhileJoined(namespace);
    this.#recovery.guard(namespace);
    namespace.use((socket, next) => {
      void this.#admit(socket).then(
        () => {
          next();
        },
        (error: unknown) => {
          next(connectErrorOf(this.#unexpected.asRefusal(error)));
        },
      );
    });
    // Before what the application listens with: a namespace made by a pattern comes with its listeners.
    namespace.prependListener('connect', (socket: Socket) => {
      this.#connected(socket);
    });
  }

  /** Rejects with why the connection is refused. */
  async #admit(socket: Socket): Promise<void> {
    this.#refuseStopped();
    const credential = await this.#handshake.authenticate(socket);
    this.#refuseStopped();
    this.#limits.demandRoom(credential, this.#handshake.addressOf(socket));
    this.#proved.set(socket, credential);
  }

  #connected(socket: Socket): void {
    // A listener before this one has sent it away.
    if (!socket.connected) return;
    const credential = this.#proved.get(socket);
    // What a server was told to let in without asking is not let in.
    if (credential === undefined || this.#isStopped) {
      socket.disconnect(true);
      return;
    }
    this.#proved.delete(socket);
    const connection = new Connection(socket, this.#handshake.addressOf(socket), this.clock.now());
    this.#recovery.settle(socket, credential);
    try {
      this.#limits.demandRoom(credential, connection.address);
      this.connections.add(connection);
    } catch (error) {
      socket.emit('exception', socketProblemOf(this.#unexpected.asRefusal(error)));
      socket.disconnect(true);
      return;
    }
    // From here on the guard sees whatever becomes of it.
    bindConnection(socket, connection);
    // Bound methods and no closures, which take twice the memory of each socket.
    socket.on('disconnect', this.#disconnected.bind(this, connection));
    usePackets(socket, this.#received.bind(this, connection));
    this.#acknowledgements.guard(socket);
    if (credential !== null) this.connections.bind(connection, credential);
    this.hooks.connected(connection);
    // What was applied between the handshake and now had nobody to close. The hook hears of its beginning before its end.
    if (credential !== null) this.#watch.look(credential);
  }

  #received(connection: Connection, packet: readonly unknown[], next: () => void): void {
    connection.lastActiveAt = this.clock.now();
    this.#inbound.received(connection, packet, next);
  }

  #disconnected(connection: Connection, reason: string): void {
    this.connections.remove(connection);
    if (connection.told === undefined) this.#idle.left(connection.socket);
    this.hooks.disconnected(connection, reason);
  }

  #refuseStopped(): void {
    if (!this.#isStopped) return;
    const message = 'The server is stopping. Connect again.';
    throw new IdentitySessionError('SESSION_STORE_UNAVAILABLE', message, { retryAfterSeconds: 1 });
  }
}
