import type { SessionSocketsParts } from '../nest/module/identity-session.module.js';
import { ALSO_USES_REDIS, OWN_DATA_SOURCE, REDIS_LINKS, RESOLVED_OPTIONS } from '../nest/module/tokens.js';
import type { ResolvedOptions } from '../nest/options/resolve-options.js';
import { LocalConnections } from './local-connections.js';
import { ConnectionRegistry } from './registry/connection-registry.js';
import { makeConnectionStore } from './registry/make-connection-store.js';
import { resolveSocketsOptions } from './resolve-sockets-options.js';
import { SessionSockets } from './session-sockets.js';
import type { SessionSocketsOptions } from './session-sockets-options.js';
import { CONNECTION_STORE, SOCKETS_OPTIONS } from './tokens.js';

/** Sockets for `IdentitySessionModule.forRoot({ sockets: sessionSockets() })`. Needs `@nestjs/platform-socket.io`. */
export function sessionSockets(options: SessionSocketsOptions = {}): SessionSocketsParts {
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
      SessionSockets,
    ],
    exports: [SessionSockets, ConnectionRegistry],
  };
}
