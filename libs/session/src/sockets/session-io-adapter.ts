import type { IncomingMessage } from 'node:http';
import { type INestApplicationContext, Logger } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import type { Server, ServerOptions } from 'socket.io';
import type { NodeLink } from './nodes/node-link.js';
import { OriginRule } from './origin-rule.js';
import type { ResolvedSocketsOptions } from './resolve-sockets-options.js';
import { SessionSockets } from './session-sockets.js';
import { NODE_LINK, SOCKETS_OPTIONS } from './tokens.js';

type AllowRequest = (
  request: IncomingMessage,
  answer: (error: string | null | undefined, success: boolean) => void,
) => void;

/**
 * Has the gateways of an application ask for a session: `app.useWebSocketAdapter(new SessionIoAdapter(app))`. What a
 * gateway sets itself counts, but for what would let in who must not be.
 */
export class SessionIoAdapter extends IoAdapter {
  readonly #sockets: SessionSockets;
  readonly #options: ResolvedSocketsOptions;
  readonly #origins: OriginRule;
  readonly #link: NodeLink | null;

  /** @throws Error where the application has no `IdentitySessionModule` with `sockets` */
  constructor(app: INestApplicationContext) {
    super(app);
    this.#sockets = socketsOf(app);
    this.#options = app.get<ResolvedSocketsOptions>(SOCKETS_OPTIONS, { strict: false });
    this.#link = app.get<NodeLink | null>(NODE_LINK, { strict: false });
    this.#origins = new OriginRule(this.#options.allowedOrigins);
  }

  override createIOServer(port: number, given: Partial<ServerOptions> = {}): Server {
    if (given.connectionStateRecovery !== undefined && given.adapter === undefined && this.#link !== null) {
      new Logger('IdentitySession').warn(NO_RECOVERY);
    }
    const server = super.createIOServer(port, this.#serverOptions(given) as ServerOptions);
    this.#sockets.bind(server);
    return server;
  }

  #serverOptions(given: Partial<ServerOptions>): Partial<ServerOptions> {
    const { allowedOrigins, maxPayloadBytes, handshakeTimeoutMs, heartbeatIntervalMs, heartbeatTimeoutMs } =
      this.#options;
    return {
      ...(allowedOrigins.length === 0 ? {} : { cors: { origin: [...allowedOrigins], credentials: true } }),
      maxHttpBufferSize: maxPayloadBytes,
      connectTimeout: handshakeTimeoutMs,
      upgradeTimeout: handshakeTimeoutMs,
      pingInterval: heartbeatIntervalMs,
      pingTimeout: heartbeatTimeoutMs - heartbeatIntervalMs,
      ...(this.#link === null ? {} : { adapter: this.#link.adapter() }),
      // Clients make namespaces by a pattern before anybody has asked who they are. Recovery keeps in them what it knows.
      cleanupEmptyChildNamespaces: given.connectionStateRecovery === undefined,
      ...given,
      allowRequest: this.#allowing(given.allowRequest),
      // Who comes back is asked again: the session may be over.
      ...(given.connectionStateRecovery === undefined
        ? {}
        : { connectionStateRecovery: { ...given.connectionStateRecovery, skipMiddlewares: false } }),
    };
  }

  #allowing(given: AllowRequest | undefined): AllowRequest {
    return (request, answer) => {
      if (!this.#origins.allows(request)) answer('The page of this origin may not connect.', false);
      else if (given === undefined) answer(null, true);
      else given(request, answer);
    };
  }
}

function socketsOf(app: INestApplicationContext): SessionSockets {
  try {
    return app.get(SessionSockets, { strict: false });
  } catch (cause) {
    throw new Error('SessionIoAdapter needs IdentitySessionModule.forRoot({ sockets: sessionSockets() }).', { cause });
  }
}

const NO_RECOVERY =
  'connectionStateRecovery recovers nothing: what carries messages between nodes does not keep them. With one node, ' +
  "use sessionSockets({ adapter: 'none' }).";
