import { Inject, Injectable } from '@nestjs/common';
import { keepsStatistics } from '../../store/session-statistics.js';
import type { SessionStore } from '../../store/session-store.js';
import { KnownSessions } from '../../sync/known-sessions.js';
import { within } from '../../sync/within.js';
import { LogFollower } from '../module/log-follower.js';
import { RESOLVED_OPTIONS, SESSION_STORE } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { SessionWriter } from '../sign-in/session-writer.js';
import { NodePresence } from './node-presence.js';

/** What a shutdown waits for it. */
const LAST_WORD_WITHIN_MS = 500;

/** Tells the others that this node lives, off every request's path. Nothing depends on it but what is shown. */
@Injectable()
export class NodeHeartbeat {
  #timer: NodeJS.Timeout | undefined;
  #isBeating = false;

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(LogFollower) private readonly log: LogFollower,
    @Inject(NodePresence) private readonly presence: NodePresence,
    @Inject(SessionWriter) private readonly writer: Pick<SessionWriter, 'tally'>,
    @Inject(KnownSessions) private readonly known: Pick<KnownSessions, 'figures'>,
  ) {}

  /** Resolves once the first sign was given, or could not be. */
  async start(): Promise<void> {
    if (!keepsStatistics(this.store)) return;
    this.#timer = setInterval(() => void this.beat(), this.presence.beatMs).unref();
    await this.beat();
  }

  /** Goes from the list at once, where the database can be told in time; never rejects. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#timer === undefined || !keepsStatistics(this.store)) return;
    this.#timer = undefined;
    await within(LAST_WORD_WITHIN_MS, this.store.forgetNode(this.presence.id)).catch(() => undefined);
  }

  /** One at a time: a database that hangs gets no second. */
  async beat(): Promise<void> {
    const { store } = this;
    if (this.#isBeating || !keepsStatistics(store)) return;
    this.#isBeating = true;
    try {
      const { lagMs = null } = this.log.report();
      const { id, uptimeMs, connections, goneAfterMs } = this.presence;
      const { created, allEnded: ended } = this.writer.tally;
      const counts = { connections, created, ended, inMemory: this.known.figures.cached };
      await store.noteNode({ id, name: this.options.nodeName, uptimeMs, tailLagMs: lagMs, ...counts }, goneAfterMs);
    } catch {
      // Who does not reach the database is not in the list, and says so elsewhere.
    } finally {
      this.#isBeating = false;
    }
  }
}
