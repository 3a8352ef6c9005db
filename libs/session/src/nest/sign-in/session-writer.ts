import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { SessionRecord } from '../../core/session.js';
import type { SessionStore, TransactionalSessionStore } from '../../store/session-store.js';
import { KnownSessions } from '../../sync/known-sessions.js';
import { SESSION_STORE } from '../module/tokens.js';

/**
 * The one way to a change: runs it on the store, inside the caller's transaction if there is one, and has this node
 * know of it before anyone is told.
 */
@Injectable()
export class SessionWriter {
  constructor(
    @Inject(SESSION_STORE) private readonly store: SessionStore | TransactionalSessionStore<EntityManager>,
    @Inject(KnownSessions) private readonly known: KnownSessions,
  ) {}

  /** `changed` names the records that the outcome brings; they are applied once they are durable. */
  async write<T>(
    manager: EntityManager | undefined,
    change: (store: SessionStore) => Promise<T>,
    changed: (outcome: T) => readonly SessionRecord[],
  ): Promise<T> {
    const store = this.#storeFor(manager);
    const since = this.known.moment();
    const outcome = await change(store);
    const records = changed(outcome);
    store.onCommitted(() => {
      this.known.apply(records, since);
    });
    return outcome;
  }

  #storeFor(manager: EntityManager | undefined): SessionStore {
    return manager !== undefined && 'within' in this.store ? this.store.within(manager) : this.store;
  }
}
