import { Injectable } from '@nestjs/common';
import type { SessionRecord } from '../../core/session.js';
import { GuardedListeners } from '../events/guarded-listeners.js';
import type { SessionCarrier } from '../guard/carrier.js';

/** Told of a sign-in that is durable, with the request that asked for it. Must not wait. */
export type SignInListener = (request: SessionCarrier, session: SessionRecord) => void;

/** Tells parts of this module that somebody has signed in on this node. */
@Injectable()
export class SignInListeners {
  readonly #listeners = new GuardedListeners<SignInListener>('a sign-in');

  /** The answer ends it. */
  listen(listener: SignInListener): () => void {
    return this.#listeners.listen(listener);
  }

  /** What a listener throws changes nothing: the sign-in is done. */
  tell(request: SessionCarrier | undefined, session: SessionRecord): void {
    if (request === undefined) return;
    this.#listeners.tell((listener) => {
      listener(request, session);
    });
  }
}
