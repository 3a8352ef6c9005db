import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { readListeners, type SessionListenerStatus } from '../../sync/postgres/listener-status.js';
import { counter, gauge, type MetricSample, SessionMetrics } from '../metrics/session-metrics.js';
import { DurableListeners } from './durable-listeners.js';

/** Between two looks at the listeners for the metrics. */
const LOOK_EVERY_MS = 15_000;

/** Tells how durable listeners, webhooks among them, are getting on. */
@Injectable()
export class SessionListeners implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;
  #last: readonly SessionListenerStatus[] = [];
  #isLooking = false;

  constructor(
    @Inject(DurableListeners) private readonly listeners: DurableListeners,
    @Inject(SessionMetrics) metrics: SessionMetrics,
  ) {
    metrics.add(() => this.#samples());
  }

  onApplicationBootstrap(): void {
    if (this.listeners.isEmpty) return;
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS).unref();
    void this.#look();
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.#timer);
  }

  /**
   * All that there are, those of other nodes and those that no node has any more too.
   * @throws Error where the database does not answer, and `CONFIGURATION_INVALID` without one
   */
  async list(): Promise<SessionListenerStatus[]> {
    return readListeners(this.listeners.query);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      this.#last = await this.list();
    } catch {
      // What was known stays; that the database is away is told of elsewhere.
    } finally {
      this.#isLooking = false;
    }
  }

  #samples(): MetricSample[] {
    const { counts } = this.listeners;
    const last = this.#last;
    const told = counter(
      'listener_events_total',
      'Events that this node has given to durable listeners, by what came of it.',
    );
    return [
      told(counts.done, { outcome: 'done' }),
      told(counts.failed, { outcome: 'failed' }),
      told(counts.buried, { outcome: 'buried' }),
      gauge(
        'listener_lag_seconds',
        'How old the oldest event is that a durable listener has not been told; of the one that is farthest behind.',
      )(Math.max(0, ...last.map(({ lagMs }) => lagMs)) / 1_000),
      gauge(
        'listeners_failing',
        'Durable listeners whose next event has failed.',
      )(last.filter(({ failingSince }) => failingSince !== null).length),
      gauge(
        'dead_letters',
        'Events that durable listeners could not be told of and that nobody has dealt with.',
      )(last.reduce((sum, { deadLetters }) => sum + deadLetters, 0)),
    ];
  }
}
