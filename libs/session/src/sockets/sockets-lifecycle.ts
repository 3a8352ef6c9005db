import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { SessionMetrics } from '../nest/metrics/session-metrics.js';
import { HookRunner } from './hook-runner.js';
import { SlowReceivers } from './messages/slow-receivers.js';
import { muteGateways } from './mute-gateways.js';
import type { NodeLink } from './nodes/node-link.js';
import { ConnectionRegistry } from './registry/connection-registry.js';
import { nodeLinkSamples, registrySamples } from './socket-metrics.js';
import { NODE_LINK } from './tokens.js';

/** Opens what carries messages between nodes, and closes it after the servers. */
@Injectable()
export class SocketsLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(NODE_LINK) private readonly link: NodeLink | null,
    @Inject(SlowReceivers) private readonly slow: SlowReceivers,
    @Inject(HookRunner) private readonly hooks: HookRunner,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ConnectionRegistry) registry: ConnectionRegistry,
    @Inject(SessionMetrics) metrics: SessionMetrics,
  ) {
    metrics.add(() => registrySamples(registry.figures));
    if (link !== null) metrics.add(() => nodeLinkSamples(link));
  }

  async onApplicationBootstrap(): Promise<void> {
    this.slow.start();
    this.#tellMute();
    await this.link?.open();
  }

  async onApplicationShutdown(): Promise<void> {
    this.slow.stop();
    await this.link?.close();
  }

  #tellMute(): void {
    if (this.hooks.hearsMessages) return;
    const gateways = muteGateways(this.modules);
    if (gateways.length === 0) return;
    const [subject, verb] = gateways.length === 1 ? ['The gateway', 'handles'] : ['The gateways', 'handle'];
    new Logger('IdentitySession').warn(
      `${subject} ${gateways.join(', ')} ${verb} no message: what clients send is dropped. Give a method @SubscribeMessage, or ` +
        'sessionSockets the hook onMessage.',
    );
  }
}
