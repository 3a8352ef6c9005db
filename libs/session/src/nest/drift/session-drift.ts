import { Inject, Injectable, Logger } from '@nestjs/common';
import type { CachedSession } from '../../cache/cached-session.js';
import { type Drift, recordsDrift } from '../../store/drift-log.js';
import type { SessionStore } from '../../store/session-store.js';
import { storableText } from '../../store/storable-text.js';
import { within } from '../../sync/within.js';
import { RESOLVED_OPTIONS, SESSION_STORE } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { MAX_USER_AGENT_LENGTH } from '../sign-in/admission-builder.js';
import { recordsOf, SessionWriter } from '../sign-in/session-writer.js';
import { DRIFT_REACTIONS, type DriftReaction } from './drift-options.js';

/** Records under way at once, so that they leave connections to everybody else. */
const MOST_AT_ONCE = 4;
/** What is seen while so many wait is seen again with the next request. */
const MOST_WAITING = 10_000;
/** Places that are known to be recorded; then they are asked for anew, which writes nothing twice. */
const MOST_REMEMBERED = 20_000;
/** An end for drift waits so long for the record of it. */
const RECORDED_WITHIN_MS = 1_000;

/**
 * Whether a session is used from where it was, and what follows where not. A request from the same address and user agent
 * costs a comparison of two strings; whatever is recorded is written beside the request.
 */
@Injectable()
export class SessionDrift {
  /** Since the node began. */
  readonly counts = { recorded: 0, failed: 0, ended: 0 };
  readonly #logger = new Logger('IdentitySession');
  readonly #options: ResolvedOptions['drift'];
  readonly #watchesAddress: boolean;
  readonly #watchesAgent: boolean;
  readonly #remembered = new Set<string>();
  readonly #waiting: (() => Promise<void>)[] = [];
  readonly #ending = new Map<string, Promise<void>>();
  /** By session: what is being recorded of it. */
  readonly #recording = new Map<string, Promise<unknown>>();
  #running = 0;

  constructor(
    @Inject(RESOLVED_OPTIONS) { drift }: Pick<ResolvedOptions, 'drift'>,
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(SessionWriter) private readonly writer: SessionWriter,
  ) {
    this.#options = drift;
    this.#watchesAddress = drift.address !== 'ignore';
    this.#watchesAgent = drift.userAgent !== 'ignore';
  }

  /** Whether there is anything to decide. On the way of every request: compares, and nothing else. */
  mayHaveMoved(entry: CachedSession, address: string | null, userAgent: string | null | undefined): boolean {
    return (
      (this.#watchesAgent && userAgent !== undefined && userAgent !== entry.knownAgent) ||
      (this.#watchesAddress && address !== null && address !== entry.lastIp)
    );
  }

  /**
   * What follows, of address and user agent the stricter. `isCurrent` tells that the entry was read for this request. What is only recorded is `ignore` from here on: it is recorded
   * by and by. What the session has nothing to compare with is no drift.
   */
  reactionTo(
    entry: CachedSession,
    address: string | null,
    userAgent: string | null | undefined,
    isCurrent: boolean,
  ): Exclude<DriftReaction, 'record'> {
    const { id } = entry.record;
    const byAddress = this.#addressHasMoved(entry, address) ? this.#options.address : 'ignore';
    const byAgent = this.#agentHasMoved(entry, userAgent) ? this.#options.userAgent : 'ignore';
    // What is refused is recorded once the database has confirmed it.
    if (byAddress === 'record' || (byAddress !== 'ignore' && isCurrent)) this.#record(id, 'address', address);
    if (byAgent === 'record' || (byAgent !== 'ignore' && isCurrent)) this.#record(id, 'user_agent', userAgent);
    const stricter = DRIFT_REACTIONS.indexOf(byAddress) > DRIFT_REACTIONS.indexOf(byAgent) ? byAddress : byAgent;
    if (stricter === 'ignore' || stricter === 'record') {
      // So that the next request from there is one comparison again.
      if (typeof userAgent === 'string' && userAgent.length <= MAX_USER_AGENT_LENGTH) entry.knownAgent = userAgent;
      return 'ignore';
    }
    return stricter;
  }

  /** Ends a session for its drift; whoever asks meanwhile waits for the same end. Rejects where the store fails. */
  end(id: string): Promise<void> {
    let ending = this.#ending.get(id);
    if (ending === undefined) {
      ending = this.#end(id).finally(() => {
        this.#ending.delete(id);
      });
      // Whoever waits for it is told; nobody needs to.
      ending.catch(() => undefined);
      this.#ending.set(id, ending);
    }
    return ending;
  }

  /** The end that is under way, if one is. */
  ending(id: string): Promise<void> | undefined {
    return this.#ending.get(id);
  }

  async #end(id: string): Promise<void> {
    // Of a session that has ended nothing is recorded: not even why.
    await within(RECORDED_WITHIN_MS, this.#recording.get(id) ?? Promise.resolve()).catch(() => undefined);
    const ended = await this.writer.write(
      undefined,
      (store) => store.end({ kind: 'all' }, id, 'revoked', { reason: 'drift', by: null, source: 'drift' }),
      recordsOf,
    );
    if (ended === undefined) return;
    this.counts.ended += 1;
    this.#logger.warn(`Session ${id} was ended: it was used from elsewhere.`);
  }

  #addressHasMoved({ lastIp }: CachedSession, address: string | null): address is string {
    if (!this.#watchesAddress || address === null || lastIp === null || address === lastIp) return false;
    return this.#options.networkOf(address) !== this.#options.networkOf(lastIp);
  }

  #agentHasMoved({ record, knownAgent }: CachedSession, userAgent: string | null | undefined): boolean {
    if (!this.#watchesAgent || userAgent === undefined || userAgent === knownAgent || record.userAgent === null) {
      return false;
    }
    // As the sign-in has stored it.
    const stored = storableText(userAgent, MAX_USER_AGENT_LENGTH);
    if (stored === record.userAgent) return false;
    return stored === null || this.#options.agentOf(stored) !== this.#options.agentOf(record.userAgent);
  }

  #record(id: string, kind: Drift['kind'], seen: string | null | undefined): void {
    const { store } = this;
    const text = storableText(seen, MAX_USER_AGENT_LENGTH) ?? '';
    const drift = { kind, to: kind === 'address' ? this.#options.networkOf(text) : text };
    const key = `${id} ${drift.kind} ${drift.to}`;
    if (!recordsDrift(store) || this.#remembered.has(key) || this.#waiting.length >= MOST_WAITING) return;
    if (this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear();
    this.#remembered.add(key);
    const recorded = new Promise<void>((resolve) => {
      this.#waiting.push(async () => {
        try {
          if (await store.recordDrift(id, drift)) this.counts.recorded += 1;
        } catch (error) {
          // The next request from there tries again.
          this.#remembered.delete(key);
          if (this.counts.failed === 0) this.#logger.warn(`A drift could not be recorded: ${String(error)}`);
          this.counts.failed += 1;
        }
        resolve();
      });
    });
    this.#noteRecording(id, recorded);
    if (this.#running < MOST_AT_ONCE) void this.#work();
  }

  #noteRecording(id: string, recorded: Promise<void>): void {
    const all = Promise.all([this.#recording.get(id), recorded]).then(() => {
      if (this.#recording.get(id) === all) this.#recording.delete(id);
    });
    this.#recording.set(id, all);
  }

  async #work(): Promise<void> {
    this.#running += 1;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) await next();
    this.#running -= 1;
  }
}
