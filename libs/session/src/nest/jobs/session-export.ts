import { Inject, Injectable } from '@nestjs/common';
import { EVERYBODY, type Page, type SessionStore } from '../../store/session-store.js';
import { NodeClock } from '../../sync/node-clock.js';
import { TouchBuffer } from '../../sync/touch-buffer.js';
import type { SessionSearch } from '../admin/session-search.js';
import { SESSION_STORE } from '../module/tokens.js';
import { withBufferedAccess } from '../session/buffered-session.js';
import type { Session } from '../session/session.js';

/** Some hundred kilobytes in memory at a time. */
const PAGE = 500;

/** Reads sessions by filter, however many there are, a page at a time. */
@Injectable()
export class SessionExport {
  constructor(
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(NodeClock) private readonly clock: NodeClock,
    @Inject(TouchBuffer) private readonly touches: TouchBuffer,
  ) {}

  /**
   * Pages by creation, oldest first, of what there was when the first was asked for; each as it is when its turn comes.
   * Holds nothing between two pages, no connection either; whoever stops asking has stopped it.
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE`
   */
  async *pages(search: SessionSearch): AsyncGenerator<readonly Session[], void, undefined> {
    const createdUntil = Math.min(search.createdUntil ?? Number.POSITIVE_INFINITY, this.clock.now());
    const filter = { scope: EVERYBODY, ...search, createdUntil };
    let after: Extract<Page['after'], { readonly createdAt: number }> | null = null;
    for (;;) {
      const records = await this.store.list(filter, { limit: PAGE, descending: false, after });
      if (records.length > 0) yield records.map((record) => withBufferedAccess(record, this.touches));
      const last = records.at(-1);
      if (last === undefined || records.length < PAGE) return;
      after = last;
    }
  }
}
