import { setTimeout as pause } from 'node:timers/promises';

/** Pages that the change log may be ahead of its reader: some thousand rows, which one read applies in some ten ms. */
const MOST_UNREAD = 10;
/** Between two pages at least; and as long as the page took, so that the database is left to others half of the time. */
const LEAST_REST_MS = 5;
const POLL_MS = 5;

export interface JobPacePorts {
  /** The database's time, as this node knows it. */
  readonly now: () => number;
  /** As of when this node has applied the change log; `undefined` where there is none to follow. */
  readonly appliedAsOf: () => number | undefined;
  /** The reader is waited for this long at most: while it is cut off, checks do not depend on it. */
  readonly patienceMs: number;
}

/**
 * Keeps a job from writing more into the change log than nodes read meanwhile. This node's reader stands for those of the
 * others, which read the same rows on the same hints.
 */
export class JobPace {
  /** When the pages were written that may not have been read yet. */
  #unread: number[] = [];

  constructor(private readonly ports: JobPacePorts) {}

  /** Waits until the next page may be written. Resolves at once when it is to stop. */
  async afterPage(tookMs: number, stopping: AbortSignal): Promise<void> {
    this.#unread.push(this.ports.now());
    await rest(Math.max(LEAST_REST_MS, tookMs), stopping);
    const begunAt = performance.now();
    while (!stopping.aborted && this.#isFarAhead() && performance.now() - begunAt < this.ports.patienceMs) {
      await rest(POLL_MS, stopping);
    }
  }

  #isFarAhead(): boolean {
    const appliedAsOf = this.ports.appliedAsOf();
    if (appliedAsOf === undefined) this.#unread = [];
    else this.#unread = this.#unread.filter((writtenAt) => writtenAt > appliedAsOf).slice(-MOST_UNREAD);
    return this.#unread.length === MOST_UNREAD;
  }
}

function rest(ms: number, signal: AbortSignal): Promise<void> {
  return pause(ms, undefined, { signal }).catch(() => undefined);
}
