import { Injectable, Logger } from '@nestjs/common';
import type { SessionRecord } from '../../core/session.js';
import type { SessionCarrier } from '../guard/carrier.js';

/** Told of a sign-in that is durable, with the request that asked for it. Must not wait. */
export type SignInListener = (request: SessionCarrier, session: SessionRecord) => void;

/** Tells parts of this module that somebody has signed in on this node. */
@Injectable()
export class SignInListeners {
  readonly #logger = new Logger('IdentitySession');
  readonly #listeners = new Set<SignInListener>();

  /** The answer ends it. */
  listen(listener: SignInListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** What a listener throws changes nothing: the sign-in is done. */
  tell(request: SessionCarrier | undefined, session: SessionRecord): void {
    if (request === undefined) return;
    for (const listener of this.#listeners) {
      try {
        listener(request, session);
      } catch (error) {
        this.#logger.error(`A listener failed for a sign-in: ${String(error)}`);
      }
    }
  }
}
