import type { SessionEvent, SessionEventListener } from './session-event.js';

/** What one listener may be behind by; then it is told to start anew instead. */
const MOST_QUEUED = 10_000;
/** Events that are delivered without letting anybody else run: what the tail applies in a turn, so that the quick keep up. */
const SLICE = 500;

export interface EventQueuePorts {
  /** Shared by all queues. */
  readonly counts: { delivered: number; overflows: number; failures: number };
  /** Lets other work run. */
  readonly yieldTurn: () => Promise<void>;
  /** Told of each event that the listener failed for. */
  readonly onFailure: (error: unknown, event: SessionEvent) => void;
}

/**
 * The events that one listener has not been given yet. It gets them one at a time and in order, in turns of their own; a
 * slow one keeps nobody waiting but itself, and no more than a bounded number of events in memory.
 */
export class EventQueue {
  #events: SessionEvent[] = [];
  #isDelivering = false;
  #isClosed = false;

  constructor(
    private readonly listener: SessionEventListener,
    private readonly ports: EventQueuePorts,
  ) {}

  get size(): number {
    return this.#events.length;
  }

  /** Returns at once, whatever the listener does. */
  add(events: readonly SessionEvent[]): void {
    if (this.#isClosed) return;
    if (this.#events.length + events.length > MOST_QUEUED) {
      this.ports.counts.overflows += 1;
      this.#events = [{ type: 'resync', reason: 'queue-overflow' }];
    } else this.#events.push(...events);
    if (!this.#isDelivering) void this.#deliver();
  }

  /** Nothing is delivered from here on. */
  close(): void {
    this.#isClosed = true;
    this.#events = [];
  }

  async #deliver(): Promise<void> {
    this.#isDelivering = true;
    while (this.#events.length > 0) {
      await this.ports.yieldTurn();
      for (let n = 0; n < SLICE; n += 1) {
        const event = this.#events.shift();
        if (event === undefined) break;
        await this.#give(event);
      }
    }
    this.#isDelivering = false;
  }

  async #give(event: SessionEvent): Promise<void> {
    try {
      this.ports.counts.delivered += 1;
      await this.listener(event);
    } catch (error) {
      this.ports.counts.failures += 1;
      this.ports.onFailure(error, event);
    }
  }
}
