import { Inject, Injectable } from '@nestjs/common';
import type { EndedStatus } from '../../core/lifecycle.js';
import type { DeviceType } from '../../core/session.js';
import { keepsStatistics } from '../../store/session-statistics.js';
import { EVERYBODY, type SessionStore } from '../../store/session-store.js';
import { KnownSessions } from '../../sync/known-sessions.js';
import { RESOLVED_OPTIONS, SESSION_STORE } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { SessionWriter } from '../sign-in/session-writer.js';
import { NodePresence } from '../stats/node-presence.js';
import { SessionStatisticsCounter } from '../stats/session-statistics.js';

/** Whoever asks later than this has it counted anew, beside. */
const FRESH_MS = 10_000;

/** What one node has done since it was started. */
export interface PoolNode {
  readonly name: string;
  readonly created: number;
  readonly ended: number;
  /** Sessions that it has in memory. */
  readonly inMemory: number;
  /** Sockets that it serves. */
  readonly connections: number;
}

/** This node, as it is at the moment. */
export interface OwnPool extends PoolNode {
  /** The ends that this node has written, by what the session became. */
  readonly endedAs: Readonly<Record<EndedStatus, number>>;
}

/** All nodes together, as of a moment before. */
export interface WholePool {
  /** How old these counts are. */
  readonly ageMs: number;
  /** Sessions that a check would admit, or that wait or are suspended. */
  readonly live: number;
  readonly byDeviceType: Readonly<Partial<Record<DeviceType, number>>>;
  /** Each node by its last sign of life, at most 10 s older, this one included. Those that have stopped are gone. */
  readonly nodes: readonly PoolNode[];
}

export interface PoolState {
  readonly node: OwnPool;
  /** `null` until it was counted once, and with a store without statistics. */
  readonly whole: WholePool | null;
}

/**
 * How many sessions there are, were begun and have ended: to be read in hooks and listeners, where nothing should wait.
 */
@Injectable()
export class SessionPool {
  #whole: (Omit<WholePool, 'ageMs'> & { readonly at: number }) | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: Pick<ResolvedOptions, 'nodeName'>,
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(SessionWriter) private readonly writer: SessionWriter,
    @Inject(KnownSessions) private readonly known: Pick<KnownSessions, 'figures'>,
    @Inject(NodePresence) private readonly presence: NodePresence,
    @Inject(SessionStatisticsCounter) private readonly counter: SessionStatisticsCounter,
  ) {}

  /**
   * What is known, at once. What is known of all nodes is as old as `ageMs` says: where that is more than 10 s it is
   * counted anew beside, for whoever asks next; nobody asks, nothing is counted.
   */
  state(): PoolState {
    if (performance.now() - this.#askedAt >= FRESH_MS) void this.refresh().catch(() => undefined);
    const whole = this.#whole;
    if (whole === undefined) return { node: this.#own(), whole: null };
    const { at, ...counts } = whole;
    return { node: this.#own(), whole: { ...counts, ageMs: performance.now() - at } };
  }

  /**
   * As `state`, once all nodes were asked for; those who ask meanwhile wait for the same answer. Counting many sessions may
   * take a moment, so it is done no more often than it is worth.
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE`
   */
  async refresh(): Promise<PoolState> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
    return this.state();
  }

  async #ask(): Promise<void> {
    this.#askedAt = performance.now();
    if (!keepsStatistics(this.store)) return;
    const { live, byDeviceType, nodes } = await this.counter.of(EVERYBODY);
    this.#whole = {
      at: performance.now() - this.counter.ageMs(EVERYBODY),
      live,
      byDeviceType,
      nodes: nodes.map(({ name, created, ended, inMemory, connections }) => ({
        ...{ name, created, ended, inMemory, connections },
      })),
    };
  }

  #own(): OwnPool {
    const { tally } = this.writer;
    return {
      name: this.options.nodeName,
      created: tally.created,
      ended: tally.allEnded,
      endedAs: { ...tally.ended },
      inMemory: this.known.figures.cached,
      connections: this.presence.connections,
    };
  }
}
