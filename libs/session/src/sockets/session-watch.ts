import { IdentitySessionError } from '../core/errors.js';
import type { Refusal } from '../nest/check/refusals.js';
import type { SessionChecker } from '../nest/check/session-checker.js';
import type { SessionVerdict } from '../nest/check/session-verdict.js';
import type { VouchedCredential } from '../nest/credential/vouched-session.js';
import type { KnownSessions } from '../sync/known-sessions.js';
import type { NodeClock } from '../sync/node-clock.js';
import { within } from '../sync/within.js';
import type { LocalConnections } from './local-connections.js';

/** All sessions are gone through in this part of the longest staleness, and what is asked has as long again to answer. */
const ROUND = 0.2;
const SLICES = 10;
/**
 * What is not vouched for for this part of the longest staleness ahead is asked for in the database: an answer must come
 * before that is over. Nobody is let in for less, since the next round comes in a while only.
 */
export const AHEAD = 1 - 2 * ROUND;
const ANSWER_WITHIN = 0.4;

export interface SessionWatchPorts {
  readonly connections: LocalConnections;
  readonly known: Pick<KnownSessions, 'isHeldFor'>;
  readonly checker: Pick<SessionChecker, 'verifyVouched'>;
  readonly clock: Pick<NodeClock, 'now'>;
  readonly maxStalenessMs: number;
  readonly schedule: (task: () => void, delayMs: number) => () => void;
  /** A session serves no longer, or cannot be told to (`SESSION_STORE_UNAVAILABLE`). */
  readonly onRefused: (credential: VouchedCredential, error: IdentitySessionError, because?: string | null) => void;
}

/**
 * Looks at the session of every connection several times within `maxStalenessMs`: nothing else ends a connection whose
 * session runs out or whose kick was lost. From memory as long as that may be trusted for a while; else from the database,
 * with an answer before the trust is over.
 */
export class SessionWatch {
  #round: Iterator<{ readonly credential: VouchedCredential | null }> | undefined;
  /** Sessions that the round still has before it. */
  #left = 0;
  #cancel: (() => void) | undefined;
  /** Sessions that the database has been asked for. */
  readonly #asked = new Set<string>();

  constructor(private readonly ports: SessionWatchPorts) {}

  start(): void {
    this.#cancel = this.ports.schedule(
      () => {
        this.start();
        this.#slice();
      },
      (this.ports.maxStalenessMs * ROUND) / SLICES,
    );
  }

  stop(): void {
    this.#cancel?.();
  }

  /** Looks at one session now. `because` is what there is a reason for, if it is over. */
  look(credential: VouchedCredential, because?: string | null): void {
    const { checker, known, clock, connections, maxStalenessMs } = this.ports;
    const { sessionId } = credential;
    const strict = !known.isHeldFor(sessionId, maxStalenessMs * AHEAD);
    if (strict && this.#asked.has(sessionId)) return;
    const begunAt = clock.now();
    const verdict = checker.verifyVouched(credential, { skipTouch: true, isWatch: true, strict });
    if (verdict instanceof Promise) void this.#await(credential, verdict, begunAt, because);
    else if (verdict.error !== undefined) this.ports.onRefused(credential, verdict.error, because);
    else connections.confirm(sessionId, begunAt);
  }

  async #await(
    credential: VouchedCredential,
    pending: Promise<SessionVerdict>,
    begunAt: number,
    because: string | null | undefined,
  ): Promise<void> {
    const { maxStalenessMs, connections, onRefused } = this.ports;
    this.#asked.add(credential.sessionId);
    const { error } = await within(maxStalenessMs * ANSWER_WITHIN, pending).catch(unconfirmed);
    this.#asked.delete(credential.sessionId);
    if (error !== undefined) onRefused(credential, error, because);
    else connections.confirm(credential.sessionId, begunAt);
  }

  #slice(): void {
    const { connections } = this.ports;
    if (this.#round === undefined) {
      this.#round = connections.oneOfEachSession();
      // Those that come meanwhile are looked at as they come: they must not make the round longer.
      this.#left = connections.sessions;
    }
    for (let count = Math.ceil(connections.sessions / SLICES); count > 0; count -= 1) {
      const next = this.#left > 0 ? this.#round.next() : undefined;
      if (next === undefined || next.done === true) {
        this.#round = undefined;
        return;
      }
      this.#left -= 1;
      // They are of one session; whatever is found is for all of them.
      const { credential } = next.value;
      if (credential !== null) this.look(credential);
    }
    // The next slice begins the next round: with one that finds nothing left, a round would be longer than is promised.
    if (this.#left === 0) this.#round = undefined;
  }
}

function unconfirmed(cause: unknown): Refusal {
  const message = 'The session could not be confirmed in time.';
  return { error: new IdentitySessionError('SESSION_STORE_UNAVAILABLE', message, {}, cause) };
}
