import { Inject, Injectable } from '@nestjs/common';
import { SessionEventFeed } from './session-event-feed.js';
import type { SessionEventListener } from './session-event.js';

/**
 * Tells this process what happens to sessions, on whichever node: each change that is read from the change log, and
 * `resync` where some may have been missed. For what lives as long as the process does: caches, open connections. What
 * must happen whatever becomes of this node is read from the log's table instead.
 */
@Injectable()
export class SessionEvents {
  constructor(@Inject(SessionEventFeed) private readonly feed: SessionEventFeed) {}

  /**
   * Calls the listener for each change from now on: once, after this node has applied it, and for one session in the
   * order of its versions. A listener that answers a promise gets the next event when it is settled; one that is 10 000
   * events behind gets a `resync` in place of them. What it throws or rejects with is logged and changes nothing. Nothing
   * is delivered before the application has started or once it shuts down, and nothing at all where it brings a store of
   * its own.
   * @returns what ends the subscription; may be called again
   */
  subscribe(listener: SessionEventListener): () => void {
    return this.feed.subscribe(listener);
  }
}
