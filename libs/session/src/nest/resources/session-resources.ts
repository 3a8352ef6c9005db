import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import { type CutOff, isCutOffBy } from '../../core/cut-off.js';
import { IdentitySessionError } from '../../core/errors.js';
import { type EndedStatus, isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import { CutOffs } from '../../sync/cut-offs.js';
import { KnownSessions } from '../../sync/known-sessions.js';
import { within } from '../../sync/within.js';
import { SessionEndings } from '../endings/session-endings.js';
import { SessionEvents } from '../events/session-events.js';
import { schedule } from '../module/schedule.js';
import type { Session } from '../session/session.js';

/** Sessions that are read anew at once. */
const PAGE = 500;
const RETRY_MS = 1_000;
/** What is given up at a shutdown has this long to finish. */
const SHUTDOWN_MS = 5_000;

/** Why something is given up. */
export interface ResourceRelease {
  readonly sessionId: string;
  /** How the session ended; `removed` where it is not kept any more, `shutdown` where it may live and this node stops. */
  readonly because: EndedStatus | 'removed' | 'shutdown';
  readonly reason: string | null;
}

/** May answer a promise; only a shutdown waits for it. What it throws is logged and harms nothing. */
export type ReleaseResource = (release: ResourceRelease) => unknown;

interface Held {
  /** Of the session; they never change. */
  readonly issued: Pick<SessionRecord, 'id' | 'tenantId' | 'userId' | 'createdAt' | 'isProtected'>;
  readonly release: ReleaseResource;
}

/**
 * What this node holds for sessions: a subscription, a lock elsewhere, a running job. Each is released exactly once: when
 * its session ends, on whichever node that was done, as soon as this node knows of it; when the application gives it up;
 * or when this node stops. A suspended session has not ended. One that runs out is ended by the cleanup.
 */
@Injectable()
export class SessionResources implements BeforeApplicationShutdown {
  readonly #logger = new Logger('IdentitySession');
  readonly #held = new Map<string, Set<Held>>();
  readonly #releasing = new Set<Promise<unknown>>();
  #isListening = false;
  #isStopped = false;
  #isLooking = false;
  #mustLookAgain = false;

  constructor(
    @Inject(KnownSessions) private readonly known: Pick<KnownSessions, 'trusted' | 'load'>,
    @Inject(CutOffs) private readonly cutOffs: Pick<CutOffs, 'covers'>,
    @Inject(SessionEndings) private readonly endings: SessionEndings,
    @Inject(SessionEvents) private readonly events: Pick<SessionEvents, 'subscribe'>,
  ) {}

  /** How many are held on this node. */
  get size(): number {
    let size = 0;
    for (const held of this.#held.values()) size += held.size;
    return size;
  }

  /**
   * Holds something for a session until it ends. Where it has ended already, it is released before this resolves.
   * @returns what gives it up earlier, without calling `release`; true where it was still held
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE` where the session cannot be asked for or this node stops: then
   * nothing is held, and `release` is not called
   */
  async hold(session: Session, release: ReleaseResource): Promise<() => boolean> {
    if (this.#isStopped) throw stopping();
    const { id, tenantId, userId, isProtected } = session;
    const issued = { id, tenantId, userId, isProtected, createdAt: session.createdAt.getTime() };
    const held: Held = { issued, release };
    this.#add(held);
    try {
      // After it is held: an end that is applied meanwhile releases it as well.
      await this.#look(id);
    } catch (error) {
      if (this.#remove(held)) throw error;
    }
    return () => this.#remove(held);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isStopped = true;
    for (const id of [...this.#held.keys()]) this.#release({ sessionId: id, because: 'shutdown', reason: null });
    await within(SHUTDOWN_MS, Promise.all(this.#releasing)).catch(() => {
      this.#logger.warn(`${this.#releasing.size} resources of sessions were not given up in time for the shutdown.`);
    });
  }

  #add(held: Held): void {
    this.#listen();
    const { id } = held.issued;
    const others = this.#held.get(id);
    if (others === undefined) this.#held.set(id, new Set([held]));
    else others.add(held);
  }

  #remove(held: Held): boolean {
    const { id } = held.issued;
    const others = this.#held.get(id);
    if (others?.delete(held) !== true) return false;
    if (others.size === 0) this.#held.delete(id);
    return true;
  }

  /** From the first one on: who holds nothing pays for nothing. */
  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    this.endings.listen({
      ended: ({ sessionId, status, reason }) => {
        if (status !== 'suspended') this.#release({ sessionId, because: status, reason });
      },
      cutOff: (cutOff, reason) => {
        this.#cutOff(cutOff, reason);
      },
    });
    this.events.subscribe((event) => {
      if (event.type === 'resync') void this.#lookAtAll();
    });
  }

  #cutOff(cutOff: CutOff, reason: string | null): void {
    for (const [sessionId, [held]] of this.#held) {
      if (held !== undefined && isCutOffBy(cutOff, held.issued)) {
        this.#release({ sessionId, because: 'revoked', reason });
      }
    }
  }

  /** Ends may have been missed: each is read anew, until the database has answered. */
  async #lookAtAll(): Promise<void> {
    // What was read already may have ended in the gap that is told of now.
    this.#mustLookAgain = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      while (this.#mustLookAgain) {
        this.#mustLookAgain = false;
        const ids = [...this.#held.keys()];
        for (let start = 0; start < ids.length; start += PAGE) {
          await Promise.all(ids.slice(start, start + PAGE).map((id) => this.#look(id, true)));
        }
      }
    } catch {
      schedule(() => void this.#lookAtAll(), RETRY_MS);
    } finally {
      this.#isLooking = false;
    }
  }

  async #look(id: string, isFresh = false): Promise<void> {
    const entry = (isFresh ? undefined : this.known.trusted(id)) ?? (await this.known.load(id, true));
    if (entry === undefined) {
      this.#release({ sessionId: id, because: 'removed', reason: null });
      return;
    }
    const { status, endReason } = entry.record;
    if (!isLive(status)) this.#release({ sessionId: id, because: status, reason: endReason });
    else if (this.cutOffs.covers(entry.record)) this.#release({ sessionId: id, because: 'revoked', reason: null });
  }

  #release(release: ResourceRelease): void {
    const held = this.#held.get(release.sessionId);
    // First, so that nobody is called twice whatever happens meanwhile.
    if (!this.#held.delete(release.sessionId) || held === undefined) return;
    for (const one of held) {
      const releasing = Promise.resolve()
        .then(() => one.release(release))
        .catch((error: unknown) => {
          this.#logger.error(`A resource of a session could not be given up: ${String(error)}`);
        });
      this.#releasing.add(releasing);
      void releasing.finally(() => this.#releasing.delete(releasing));
    }
  }
}

function stopping(): IdentitySessionError {
  return new IdentitySessionError('SESSION_STORE_UNAVAILABLE', 'The server is stopping. Nothing is held any more.', {
    retryAfterSeconds: 1,
  });
}
