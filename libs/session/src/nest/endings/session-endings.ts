import { Inject, Injectable, Logger } from '@nestjs/common';
import type { CutOff } from '../../core/cut-off.js';
import { type EndedStatus, isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import type { LoggedEvent } from '../../sync/change-log.js';
import { NodeClock } from '../../sync/node-clock.js';

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
  readonly #logger = new Logger('IdentitySession');
  readonly #listeners = new Set<EndingListener>();

  constructor(@Inject(NodeClock) private readonly clock: Pick<NodeClock, 'now'>) {}

  /** The answer ends it. */
  listen(listener: EndingListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** What this node has written and is durable. */
  wrote(records: readonly SessionRecord[]): void {
    if (this.#listeners.size === 0) return;
    for (const { id, status, endReason, endedAt } of records) {
      if (isLive(status) || endedAt === null) continue;
      this.#tell((listener) => {
        listener.ended({ sessionId: id, status: status, reason: endReason, at: endedAt });
      });
    }
  }

  /** As `wrote`: who suspended it and why is not in the record. */
  wroteSuspension({ id, status }: SessionRecord, reason: string): void {
    if (status !== 'suspended') return;
    this.#tell((listener) => {
      listener.ended({ sessionId: id, status, reason, at: this.clock.now() });
    });
  }

  wroteCutOff(cutOff: CutOff, reason: string): void {
    this.#tell((listener) => {
      listener.cutOff(cutOff, reason);
    });
  }

  /** What this node has read from the change log. */
  read(changes: readonly LoggedEvent[]): void {
    if (this.#listeners.size === 0) return;
    for (const { type, sessionId, reason, at, cutOff } of changes) {
      if (cutOff !== undefined) {
        this.#tell((listener) => {
          listener.cutOff(cutOff, reason);
        });
      } else if (sessionId !== null && Object.hasOwn(ENDS, type)) {
        this.#tell((listener) => {
          listener.ended({ sessionId, status: type as SessionEnding['status'], reason, at });
        });
      }
    }
  }

  /** A listener that throws must not keep the log from being followed. */
  #tell(call: (listener: EndingListener) => void): void {
    for (const listener of this.#listeners) {
      try {
        call(listener);
      } catch (error) {
        this.#logger.error(`A listener failed for the end of sessions: ${String(error)}`);
      }
    }
  }
}
