import { IdentitySessionError } from '../../core/errors.js';
import { type Refusal, refusalOf } from './refusals.js';
import type { SessionVerdict } from './session-verdict.js';

/** Loads at once for secrets that do not match what is in memory: whoever knows ids must not keep the database busy. */
const MOST_DOUBTS = 256;

/** Secrets that memory does not confirm: the database is asked for so many of them at once, and the others are refused. */
export class SecretDoubts {
  /** Since the node began: all of them, and those that were refused unasked. */
  readonly counts = { doubts: 0, refusedDoubts: 0 };
  #waiting = 0;

  /** The answer of the database, which never rejects; or that it is not asked, at once. */
  settle(ask: () => Promise<SessionVerdict>): Promise<SessionVerdict> | Refusal {
    this.counts.doubts += 1;
    if (this.#waiting >= MOST_DOUBTS) {
      this.counts.refusedDoubts += 1;
      const message = 'Too many tokens wait to be compared with the database. Try again.';
      return { error: new IdentitySessionError('SESSION_STORE_UNAVAILABLE', message, { retryAfterSeconds: 1 }) };
    }
    this.#waiting += 1;
    return ask()
      .catch(refusalOf)
      .finally(() => {
        this.#waiting -= 1;
      });
  }
}
