import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { migrateIdentitySession } from '../../store/postgres/migrate.js';
import type { SessionStore } from '../../store/session-store.js';
import { NodeClock } from '../../sync/node-clock.js';
import { TouchBuffer } from '../../sync/touch-buffer.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { SessionCleanup } from '../cleanup/session-cleanup.js';
import { SessionEventMethods } from '../events/session-event-methods.js';
import { SessionJobWorker } from '../jobs/session-job-worker.js';
import { SessionHookRunner } from '../hooks/session-hook-runner.js';
import { DurableListeners } from '../listeners/durable-listeners.js';
import { NodeHeartbeat } from '../stats/node-heartbeat.js';
import { LogUpkeep } from '../upkeep/log-upkeep.js';
import { SessionWarmUp } from '../warm-up/session-warm-up.js';
import { LogFollower } from './log-follower.js';
import type { RedisLinks } from './redis-links.js';
import { OWN_DATA_SOURCE, REDIS_LINKS, RESOLVED_OPTIONS, SESSION_STORE } from './tokens.js';

/** What a shutdown waits for buffered accesses, in all: a database that does not answer must not hold it up. */
const LAST_WRITES_WITHIN_MS = 2_500;

/** Starts and stops what the module runs: tables and clock first, buffered accesses last. */
@Injectable()
export class SessionLifecycle
  implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #logger = new Logger('IdentitySession');
  #writingMs = LAST_WRITES_WITHIN_MS;

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(NodeClock) private readonly clock: NodeClock,
    @Inject(TouchBuffer) private readonly touches: TouchBuffer,
    @Inject(LogFollower) private readonly log: LogFollower,
    @Inject(LogUpkeep) private readonly upkeep: LogUpkeep,
    @Inject(SessionCleanup) private readonly cleanup: SessionCleanup,
    @Inject(SessionJobWorker) private readonly jobs: SessionJobWorker,
    @Inject(SessionWarmUp) private readonly warmUp: SessionWarmUp,
    @Inject(NodeHeartbeat) private readonly heartbeat: NodeHeartbeat,
    @Inject(DurableListeners) private readonly listeners: DurableListeners,
    @Inject(SessionHookRunner) private readonly hooks: SessionHookRunner,
    @Inject(SessionEventMethods) private readonly eventMethods: SessionEventMethods,
    @Inject(OWN_DATA_SOURCE) private readonly dataSource: DataSource | null,
    @Inject(REDIS_LINKS) private readonly redis: RedisLinks | null,
  ) {}

  async onModuleInit(): Promise<void> {
    this.hooks.load();
    this.listeners.load();
    this.eventMethods.subscribe();
    for (const warning of this.options.warnings) this.#logger.warn(warning);
    if (this.options.migrate && this.options.store === undefined && this.dataSource !== null) {
      await migrateIdentitySession(this.dataSource, { directUrl: this.options.directUrl });
    }
    const askedAt = this.options.clocks.monotonic();
    this.clock.observe(await this.store.now(), askedAt);
    // After what can fail: a start that fails must not leave a connection that keeps the process alive.
    this.redis?.commands.open();
  }

  async onApplicationBootstrap(): Promise<void> {
    this.upkeep.start();
    await this.log.start();
    await this.cleanup.start();
    this.jobs.start();
    await this.warmUp.run();
    await this.heartbeat.start();
    await this.listeners.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.upkeep.stop();
    this.cleanup.stop();
    await Promise.all([this.hooks.drain(), this.listeners.stop()]);
    const begunAt = performance.now();
    await Promise.all([this.touches.flushAll(this.#writingMs), this.jobs.stop()]);
    this.#writingMs -= Math.min(this.#writingMs, performance.now() - begunAt);
  }

  /** Once more, for the requests that were answered while the server closed. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.log.stop(), this.touches.stop(this.#writingMs), this.heartbeat.stop()]);
    if (this.touches.size > 0) {
      this.#logger.warn(`The last access of ${this.touches.size} sessions could not be written before shutdown.`);
    }
    await this.redis?.commands.close();
  }
}
