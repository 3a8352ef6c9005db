import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';

const BEAT_MS = 10_000;
/** A node that misses two beats may be slow; one that misses four is gone. */
const MISSED_BEATS = 4;
const GONE_AFTER_MS = 45_000;

/** This process as other nodes see it. Whoever serves connections says so while the application is made. */
@Injectable()
export class NodePresence {
  /** Of the process, since two may have one name. */
  readonly id = randomUUID();
  readonly #startedAt = performance.now();
  #count = (): number => 0;
  #goneAfterMs = GONE_AFTER_MS;
  #beatMs = BEAT_MS;

  get uptimeMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** Sockets that this node serves. */
  get connections(): number {
    return this.#count();
  }

  /** A node that has given no sign of life for this long is gone. */
  get goneAfterMs(): number {
    return this.#goneAfterMs;
  }

  /** How often a node gives one. */
  get beatMs(): number {
    return this.#beatMs;
  }

  /** Says how many connections there are, and how soon one that a dead node has left must not be told of any more. */
  serve(count: () => number, { goneAfterMs, beatMs }: { readonly goneAfterMs: number; readonly beatMs: number }): void {
    this.#count = count;
    this.#goneAfterMs = Math.min(GONE_AFTER_MS, goneAfterMs);
    this.#beatMs = Math.max(1, Math.min(BEAT_MS, beatMs, Math.floor(this.#goneAfterMs / MISSED_BEATS)));
  }
}
