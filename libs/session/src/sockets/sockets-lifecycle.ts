import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { SessionMetrics } from '../nest/metrics/session-metrics.js';
import { HookRunner } from './hook-runner.js';
import { SlowReceivers } from './messages/slow-receivers.js';
import { gatewaysOf, handlesMessages } from './gateways.js';
import type { NodeLink } from './nodes/node-link.js';
import { ConnectionRegistry } from './registry/connection-registry.js';
import { nodeLinkSamples, registrySamples } from './socket-metrics.js';
import { SessionSockets } from './session-sockets.js';
import { NODE_LINK } from './tokens.js';

/** Opens what carries messages between nodes, and closes it after the servers. */
@Injectable()
export class SocketsLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('IdentitySession');

  constructor(
    @Inject(NODE_LINK) private readonly link: NodeLink | null,
    @Inject(SlowReceivers) private readonly slow: SlowReceivers,
    @Inject(HookRunner) private readonly hooks: HookRunner,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost | undefined,
    @Inject(SessionSockets) private readonly sockets: SessionSockets,
    @Inject(ConnectionRegistry) registry: ConnectionRegistry,
    @Inject(SessionMetrics) metrics: SessionMetrics,
  ) {
    metrics.add(() => registrySamples(registry.figures));
    if (link !== null) metrics.add(() => nodeLinkSamples(link));
  }

  async onApplicationBootstrap(): Promise<void> {
    this.slow.start();
    this.#tellUnguarded();
    this.#tellMute();
    await this.link?.open();
  }

  async onApplicationShutdown(): Promise<void> {
    this.slow.stop();
    await this.link?.close();
  }

  /** Whoever forgets the adapter would have open gateways, and nothing would show it. */
  #tellUnguarded(): void {
    // Where there is nothing to listen, as in a worker, nobody connects.
    if (!this.host?.httpAdapter || this.sockets.servers.length > 0 || gatewaysOf(this.modules).length === 0) return;
    this.#logger.error(
      'Gateways let everybody connect: no server of theirs asks for a session. Before the application listens, call ' +
        'app.useWebSocketAdapter(new SessionIoAdapter(app)).',
    );
  }

  #tellMute(): void {
    if (this.hooks.hearsMessages) return;
    const gateways = gatewaysOf(this.modules)
      .filter((gateway) => !handlesMessages(gateway))
      .map(({ name }) => name);
    if (gateways.length === 0) return;
    const [subject, verb] = gateways.length === 1 ? ['The gateway', 'handles'] : ['The gateways', 'handle'];
    this.#logger.warn(
      `${subject} ${gateways.join(', ')} ${verb} no message: what clients send is dropped. Give a method @SubscribeMessage, or ` +
        'sessionSockets the hook onMessage.',
    );
  }
}
