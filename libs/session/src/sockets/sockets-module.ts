import type { DataSource } from 'typeorm';
import type { SessionSocketsParts } from '../nest/module/identity-session.module.js';
import { ALSO_USES_REDIS, OWN_DATA_SOURCE, REDIS_LINKS, RESOLVED_OPTIONS } from '../nest/module/tokens.js';
import { schedule } from '../nest/module/schedule.js';
import type { ResolvedOptions } from '../nest/options/resolve-options.js';
import { KnownSessions } from '../sync/known-sessions.js';
import type { Connection } from './connection.js';
import { HookRunner } from './hook-runner.js';
import { LocalConnections } from './local-connections.js';
import { ConnectionRegistry } from './registry/connection-registry.js';
import { makeConnectionStore } from './registry/make-connection-store.js';
import { LocalSender } from './messages/local-sender.js';
import { SessionMessenger } from './messages/session-messenger.js';
import { SlowReceivers } from './messages/slow-receivers.js';
import { makeNodeLink } from './nodes/make-node-link.js';
import { NodeBus } from './nodes/node-bus.js';
import type { NodeLink } from './nodes/node-link.js';
import { type ResolvedSocketsOptions, resolveSocketsOptions } from './resolve-sockets-options.js';
import type { SocketHooks } from './socket-hooks.js';
import { SessionSockets } from './session-sockets.js';
import type { SessionSocketsOptions } from './session-sockets-options.js';
import { SocketsLifecycle } from './sockets-lifecycle.js';
import { CONNECTION_STORE, NODE_LINK, SOCKET_HOOKS, SOCKETS_OPTIONS } from './tokens.js';

/** Sockets for `IdentitySessionModule.forRoot({ sockets: sessionSockets() })`. Needs `@nestjs/platform-socket.io`. */
export function sessionSockets(options: SessionSocketsOptions = {}): SessionSocketsParts {
  const { hooks } = options;
  return {
    providers: [
      {
        provide: SOCKETS_OPTIONS,
        inject: [RESOLVED_OPTIONS],
        useFactory: (resolved: ResolvedOptions) => resolveSocketsOptions(options, resolved),
      },
      { provide: LocalConnections, useFactory: () => new LocalConnections() },
      { provide: ALSO_USES_REDIS, useValue: options.registry === 'redis' },
      {
        provide: CONNECTION_STORE,
        inject: [SOCKETS_OPTIONS, RESOLVED_OPTIONS, OWN_DATA_SOURCE, REDIS_LINKS],
        useFactory: makeConnectionStore,
      },
      ConnectionRegistry,
      {
        provide: NODE_LINK,
        inject: [SOCKETS_OPTIONS, RESOLVED_OPTIONS, OWN_DATA_SOURCE],
        useFactory: (sockets: ResolvedSocketsOptions, resolved: ResolvedOptions, dataSource: DataSource | null) =>
          makeNodeLink(sockets, resolved, dataSource),
      },
      { provide: NodeBus, inject: [NODE_LINK], useFactory: (link: NodeLink | null) => new NodeBus(link) },
      {
        provide: SlowReceivers,
        inject: [LocalConnections, SOCKETS_OPTIONS],
        useFactory: (connections: LocalConnections, { maxQueuedMessages }: ResolvedSocketsOptions) =>
          new SlowReceivers(connections, maxQueuedMessages, schedule),
      },
      {
        provide: SessionMessenger,
        inject: [NodeBus, LocalConnections, SlowReceivers, KnownSessions, SOCKETS_OPTIONS],
        useFactory: (
          bus: NodeBus,
          connections: LocalConnections,
          slow: SlowReceivers,
          known: KnownSessions,
          sockets: ResolvedSocketsOptions,
        ) => {
          const mayHear = ({ credential, confirmedAt }: Connection): boolean =>
            credential === null ||
            sockets.whenUnverifiable === 'keep' ||
            known.vouchesFor(credential.sessionId, confirmedAt);
          return new SessionMessenger(bus, new LocalSender(connections, slow, mayHear), sockets);
        },
      },
      // What is no class is refused by the options, with a better word.
      typeof hooks === 'function'
        ? { provide: SOCKET_HOOKS, useClass: hooks }
        : { provide: SOCKET_HOOKS, useValue: null },
      { provide: HookRunner, inject: [SOCKET_HOOKS], useFactory: (given: SocketHooks | null) => new HookRunner(given) },
      SessionSockets,
      SocketsLifecycle,
    ],
    exports: [SessionSockets, ConnectionRegistry, SessionMessenger],
  };
}
