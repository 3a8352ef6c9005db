import { Inject, Injectable } from '@nestjs/common';
import type { CutOff } from '../../core/cut-off.js';
import { type EndedStatus, isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import type { LoggedEvent } from '../../sync/change-log.js';
import { CutOffs } from '../../sync/cut-offs.js';
import { NodeClock } from '../../sync/node-clock.js';
import { GuardedListeners } from '../events/guarded-listeners.js';

/** That a session serves no longer, as this node has just applied it. */
export interface SessionEnding {
  readonly sessionId: string;
  /** The status that it went into. */
  readonly status: EndedStatus | 'suspended';
  readonly reason: string | null;
  /** In milliseconds on the database's clock. */
  readonly at: number;
}

/** What outlives a request. Told synchronously, before anything else goes on in this process: it must not wait. */
export interface EndingListener {
  ended(ending: SessionEnding): void;
  /** That every session which the cut-off covers has ended. */
  cutOff(cutOff: CutOff, reason: string | null): void;
}

const ENDS: Readonly<Record<SessionEnding['status'], true>> = {
  suspended: true,
  signed_out: true,
  expired: true,
  evicted: true,
  revoked: true,
  rejected: true,
};

/**
 * Tells those who hold something open for a session that it has ended: what this node has written, and what it has read
 * of other nodes, in the same moment as checks begin to refuse it. One ending may be told twice. Costs nothing while
 * nobody listens.
 */
@Injectable()
export class SessionEndings {
  readonly #listeners = new GuardedListeners<EndingListener>('the end of sessions');

  constructor(
    @Inject(NodeClock) private readonly clock: Pick<NodeClock, 'now'>,
    @Inject(CutOffs) cutOffs: CutOffs,
  ) {
    cutOffs.onApplied((cutOff) => {
      this.#listeners.tell((listener) => {
        listener.cutOff(cutOff, cutOff.reason ?? null);
      });
    });
  }

  /** The answer ends it. */
  listen(listener: EndingListener): () => void {
    return this.#listeners.listen(listener);
  }

  /** What this node has written and is durable. */
  wrote(records: readonly SessionRecord[]): void {
    if (this.#listeners.isEmpty) return;
    for (const { id, status, endReason, endedAt } of records) {
      if (isLive(status) || endedAt === null) continue;
      this.#listeners.tell((listener) => {
        listener.ended({ sessionId: id, status: status, reason: endReason, at: endedAt });
      });
    }
  }

  /** As `wrote`: who suspended it and why is not in the record. */
  wroteSuspension({ id, status }: SessionRecord, reason: string): void {
    if (status !== 'suspended') return;
    this.#listeners.tell((listener) => {
      listener.ended({ sessionId: id, status, reason, at: this.clock.now() });
    });
  }

  /** What this node has read from the change log. */
  read(changes: readonly LoggedEvent[]): void {
    if (this.#listeners.isEmpty) return;
    for (const { type, sessionId, reason, at } of changes) {
      if (sessionId === null || !Object.hasOwn(ENDS, type)) continue;
      this.#listeners.tell((listener) => {
        listener.ended({ sessionId, status: type as SessionEnding['status'], reason, at });
      });
    }
  }
}
