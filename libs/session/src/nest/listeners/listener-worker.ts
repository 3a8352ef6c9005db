import type { Logger } from '@nestjs/common';
import * as log from '../../sync/postgres/listener-log.js';
import { within } from '../../sync/within.js';
import { eventOf, type SessionEvent } from '../events/session-event.js';
import type { DurableListener, DurableListenerMetadata } from './durable-session-listener.decorator.js';

/** Events after which it is kept how far a listener has come, and how long that may wait. */
const KEEP_AFTER = 20;
const KEEP_AFTER_MS = 250;
const BEATS = 3;
const LONGEST_RETRY_MS = 300_000;
const LONGEST_ERROR = 1_000;
const DIED = 'The process ended each time while the listener was at the event.';

export interface ListenerRules {
  readonly maxAttempts: number;
  readonly retryMs: number;
  readonly deadlineMs: number;
  readonly leaseMs: number;
  /** A cursor that is older may have missed what the log has forgotten. */
  readonly behindAfterMs: number;
}

/** Works on one name while no other node does, a page of events at a time. */
export class ListenerWorker {
  #isStopped = false;
  #hasLost = false;

  constructor(
    private readonly listener: DurableListenerMetadata & { readonly handle: DurableListener },
    private readonly worker: string,
    private readonly rules: ListenerRules,
    private readonly query: log.Query,
    private readonly logger: Logger,
    private readonly counts = { done: 0, failed: 0, buried: 0 },
  ) {}

  /** No event is begun any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** @returns true where there may be more to do at once */
  async turn(): Promise<boolean> {
    const { name } = this.listener;
    const cursor = await log.claimCursor(this.query, name, this.worker, this.rules);
    if (cursor === undefined) return false;
    this.#hasLost = false;
    const heartbeat = setInterval(() => void this.#renew(), this.rules.leaseMs / BEATS).unref();
    try {
      if (cursor.isBehind) return await this.#startAnew(cursor, 'log-horizon');
      const page = await log.readPage(this.query, cursor);
      if (page.hasGoneBack) return await this.#startAnew(cursor, 'server-restarted');
      return await this.#work(cursor, page);
    } finally {
      clearInterval(heartbeat);
    }
  }

  async #work(from: log.ClaimedCursor, page: log.ListenerPage): Promise<boolean> {
    let cursor: log.ListenerCursor = { ...from, target: page.target };
    let { attempts } = from;
    let unkept = 0;
    let keptAt = performance.now();
    // One of these may be what the process died of that had the name before.
    let suspects = from.wasLeft ? KEEP_AFTER + 1 : 0;
    for (const { id, xid, event } of page.events) {
      if (this.#isStopped || this.#hasLost) break;
      const given = eventOf(event);
      const isSuspect = suspects > 0 && this.#isHeard(given);
      suspects -= 1;
      const isGivenUp = isSuspect && attempts >= this.rules.maxAttempts;
      // Counted before, since a process that is killed counts nothing.
      if (isSuspect && !isGivenUp && !(await this.#keep(cursor, false, attempts + 1))) break;
      const error = isGivenUp ? new Error(DIED) : await this.#failureOf(given, id, attempts + 1);
      const past = { ...cursor, afterId: id, lastXid: later(cursor.lastXid, xid) };
      if (error !== undefined && attempts + 1 < this.rules.maxAttempts) {
        return this.#failed(cursor, given, attempts + 1, error);
      }
      cursor = past;
      unkept += 1;
      if (error !== undefined) {
        await this.#bury(cursor, id, given, isGivenUp ? attempts : attempts + 1, error);
        unkept = 0;
      } else if (isSuspect || unkept >= KEEP_AFTER || performance.now() - keptAt > KEEP_AFTER_MS || attempts > 0) {
        await this.#keep(cursor, false);
        unkept = 0;
        keptAt = performance.now();
      }
      attempts = 0;
    }
    const isWhole = page.isLast && cursor.afterId === (page.events.at(-1)?.id ?? cursor.afterId);
    const isDone = isWhole && !this.#isStopped;
    await this.#keep(isWhole ? settled(cursor, page) : cursor, true, isWhole ? 0 : attempts);
    return !isDone;
  }

  /** Tells that changes may have been missed, and goes on at the end of the log as it was before. */
  async #startAnew(from: log.ClaimedCursor, reason: 'log-horizon' | 'server-restarted'): Promise<boolean> {
    const end = { ...(await log.endOfLog(this.query)), target: null, afterId: '0' };
    const event: SessionEvent = { type: 'resync', reason };
    // The same each time: what was found missing is missing from there on.
    const missingSince = String(Math.round(from.positionAt));
    const id = resyncId(missingSince);
    const error = await this.#failureOf(event, id, from.attempts + 1);
    if (error !== undefined && from.attempts + 1 < this.rules.maxAttempts) {
      return this.#failed(from, event, from.attempts + 1, error);
    }
    if (error !== undefined) await this.#bury(end, missingSince, event, from.attempts + 1, error);
    await this.#keep(end, true);
    return true;
  }

  /** What the listener failed with; `undefined` where it is done, or need not know. */
  async #failureOf(event: SessionEvent, id: string, attempt: number): Promise<Error | undefined> {
    if (!this.#isHeard(event)) return undefined;
    try {
      const answer = new Promise((resolve) => {
        resolve(this.listener.handle(event, { id, attempt }));
      });
      await within(this.rules.deadlineMs, answer);
      this.counts.done += 1;
      return undefined;
    } catch (error) {
      this.counts.failed += 1;
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #isHeard({ type }: SessionEvent): boolean {
    const { types } = this.listener;
    return types === undefined || types.includes(type);
  }

  async #failed(cursor: log.ListenerCursor, { type }: SessionEvent, attempts: number, error: Error): Promise<false> {
    if (attempts === 1) {
      this.logger.warn(
        `The durable listener "${this.listener.name}" failed for an event of type "${type}" and will be called again: ` +
          String(error),
      );
    }
    const retryMs = Math.min(LONGEST_RETRY_MS, this.rules.retryMs * 2 ** (attempts - 1));
    await log.keepFailure(this.query, this.listener.name, this.worker, cursor, { attempts, retryMs });
    return false;
  }

  async #bury(
    cursor: log.ListenerCursor,
    eventId: string,
    event: SessionEvent,
    attempts: number,
    error: Error,
  ): Promise<void> {
    this.logger.error(
      `The durable listener "${this.listener.name}" failed ${attempts} times for an event of type "${event.type}", which ` +
        `is a dead letter now: ${String(error)}`,
    );
    this.counts.buried += 1;
    const letter = { eventId, event: JSON.stringify(event), error: String(error).slice(0, LONGEST_ERROR), attempts };
    if (!(await log.keepDeadLetter(this.query, this.listener.name, this.worker, cursor, letter))) this.#hasLost = true;
  }

  async #keep(cursor: log.ListenerCursor, isDone: boolean, attempts = 0): Promise<boolean> {
    const kept = await log.keepCursor(this.query, this.listener.name, this.worker, cursor, {
      leaseMs: this.rules.leaseMs,
      isDone,
      attempts,
    });
    if (!kept) this.#hasLost = true;
    return kept;
  }

  async #renew(): Promise<void> {
    const { leaseMs } = this.rules;
    const isHeld = await log.renewLease(this.query, this.listener.name, this.worker, leaseMs).catch(() => true);
    if (!isHeld) this.#hasLost = true;
  }
}

/** Of what is no row of the log. */
export const resyncId = (missingSince: string): string => `resync-${missingSince}`;

/** Everything that the page's snapshot sees has been told of. */
function settled(cursor: log.ListenerCursor, { target, readAt }: log.ListenerPage): log.ListenerCursor {
  const position = log.settledPosition(target, cursor.lastXid);
  return { position, positionAt: readAt, target: null, afterId: '0', lastXid: cursor.lastXid };
}

const later = (a: string, b: string): string => (BigInt(a) > BigInt(b) ? a : b);
