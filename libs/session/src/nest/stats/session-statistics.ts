import { hash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';
import { type CleanupState, cleansUp } from '../../store/session-cleanup.js';
import { keepsStatistics, type KnownNode, type SessionCounts } from '../../store/session-statistics.js';
import type { SessionScope, SessionStore } from '../../store/session-store.js';
import { SESSION_STORE } from '../module/tokens.js';
import { NodePresence } from './node-presence.js';

/** Counts that are older than this are made anew. */
const FRESH_MS = 5_000;
/** And those that took long, after this many times as long: a twentieth of one connection is enough. */
const SHARE = 20;
/** Whoever asks again within this is told what is known, while it is counted anew. */
const TOLD_FOR_MS = 60_000;
const MOST_SCOPES = 200;

/** An overview for administrators. */
export interface SessionStatistics extends SessionCounts {
  /** Nodes that have given a sign of life; empty for whoever does not administrate everybody. */
  readonly nodes: readonly KnownNode[];
  /** What the cleanup of all nodes has done; `null` for whoever does not administrate everybody. */
  readonly cleanup: CleanupState | null;
}

interface Counted {
  readonly at: number;
  /** What counting took. */
  readonly tookMs: number;
  readonly counts: Promise<SessionCounts>;
}

/**
 * Counts sessions within a scope. Where there are hundreds of thousands that takes a moment, so what was counted is told
 * for a while: to whoever asks again within a minute, while it is counted anew if need be. One a node, so that whoever
 * wants to know is told of the same count.
 */
@Injectable()
export class SessionStatisticsCounter {
  readonly #counted = new Map<string, Counted>();
  readonly #counting = new Set<string>();

  constructor(
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(NodePresence) private readonly presence: Pick<NodePresence, 'goneAfterMs'>,
  ) {}

  /** @throws IdentitySessionError `CONFIGURATION_INVALID` for a store of the application's own that has no overview */
  async of(scope: SessionScope): Promise<SessionStatistics> {
    const { store } = this;
    if (!keepsStatistics(store)) {
      throw new IdentitySessionError('CONFIGURATION_INVALID', 'The session store has no statistics (StatisticsStore).');
    }
    const isOverall = scope.kind === 'all';
    const [counts, nodes, cleanup] = await Promise.all([
      this.#counts(scope, () => store.countSessions(scope)),
      isOverall ? store.listNodes(this.presence.goneAfterMs) : [],
      isOverall && cleansUp(store) ? store.cleanupState() : null,
    ]);
    return { ...counts, nodes, cleanup };
  }

  /** How old the counts are that were told last of a scope. */
  ageMs(scope: SessionScope): number {
    const now = performance.now();
    return now - (this.#counted.get(keyOf(scope))?.at ?? now);
  }

  #counts(scope: SessionScope, count: () => Promise<SessionCounts>): Promise<SessionCounts> {
    // All of it: counts that were made within one right must never be told within another.
    const key = keyOf(scope);
    const known = this.#counted.get(key);
    const ageMs = performance.now() - (known?.at ?? Number.NEGATIVE_INFINITY);
    if (known === undefined || ageMs >= TOLD_FOR_MS) return this.#count(key, count);
    if (ageMs >= Math.max(FRESH_MS, SHARE * known.tookMs) && !this.#counting.has(key))
      void this.#count(key, count).catch(() => undefined);
    return known.counts;
  }

  /** One count of a scope at a time; what is known is told on until there is better. */
  #count(key: string, count: () => Promise<SessionCounts>): Promise<SessionCounts> {
    const at = performance.now();
    const counts = count();
    const keep = (tookMs: number): void => {
      // The map keeps the order, so that the scope goes that was counted longest ago.
      this.#counted.delete(key);
      this.#counted.set(key, { at, tookMs, counts });
      const [oldest] = this.#counted.keys();
      if (this.#counted.size > MOST_SCOPES && oldest !== undefined) this.#counted.delete(oldest);
    };
    const isFirst = !this.#counted.has(key) || at - (this.#counted.get(key)?.at ?? 0) >= TOLD_FOR_MS;
    // Those who ask while it is counted for the first time wait for the same count.
    if (isFirst) keep(0);
    this.#counting.add(key);
    return counts.then(
      (result) => {
        this.#counting.delete(key);
        keep(performance.now() - at);
        return result;
      },
      (error: unknown) => {
        this.#counting.delete(key);
        if (this.#counted.get(key)?.counts === counts) this.#counted.delete(key);
        throw error;
      },
    );
  }
}

const keyOf = (scope: SessionScope): string => hash('sha256', JSON.stringify(scope));
