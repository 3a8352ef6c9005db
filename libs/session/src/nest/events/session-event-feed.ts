import { Injectable, Logger } from '@nestjs/common';
import type { LoggedEvent } from '../../sync/change-log.js';
import type { RestartReason } from '../../sync/tail.js';
import { EventQueue } from './event-queue.js';
import { eventOf, type SessionEvent, type SessionEventListener } from './session-event.js';

/** Failures that are told apart in the log; what comes after them is not logged. */
const MOST_KINDS = 100;

/** Between the change log and the listeners of this process. Costs nothing while there are none. */
@Injectable()
export class SessionEventFeed {
  /** Since the node began, over all listeners. */
  readonly counts = { delivered: 0, overflows: 0, failures: 0 };
  readonly #logger = new Logger('IdentitySession');
  readonly #queues = new Set<EventQueue>();
  readonly #loggedKinds = new Set<string>();

  /** Events that wait for a listener. */
  get queued(): number {
    let queued = 0;
    for (const queue of this.#queues) queued += queue.size;
    return queued;
  }

  subscribe(listener: SessionEventListener): () => void {
    const queue = new EventQueue(listener, {
      counts: this.counts,
      yieldTurn: () => new Promise((resolve) => setImmediate(resolve)),
      onFailure: (error, event) => {
        this.#failed(error, event);
      },
    });
    this.#queues.add(queue);
    return () => {
      queue.close();
      this.#queues.delete(queue);
    };
  }

  /** To be called with what has been applied; returns at once. */
  publish(changes: readonly LoggedEvent[]): void {
    if (this.#queues.size > 0) this.#add(changes.map(eventOf));
  }

  /** To be called when a new position was taken in the log. Before the first there was nothing to miss. */
  restarted(reason: RestartReason): void {
    if (reason !== 'started') this.#add([{ type: 'resync', reason }]);
  }

  /** For good: no listener is called any more. */
  stop(): void {
    for (const queue of this.#queues) queue.close();
    this.#queues.clear();
  }

  #add(events: readonly SessionEvent[]): void {
    for (const queue of this.#queues) queue.add(events);
  }

  #failed(error: unknown, { type }: SessionEvent): void {
    const kind = `${type} ${error instanceof Error ? error.name : typeof error}`;
    if (this.#loggedKinds.has(kind) || this.#loggedKinds.size >= MOST_KINDS) return;
    this.#loggedKinds.add(kind);
    this.#logger.error(
      `A listener failed for a session event of type "${type}": ${String(error)}. Failures of this kind are not logged again.`,
    );
  }
}
