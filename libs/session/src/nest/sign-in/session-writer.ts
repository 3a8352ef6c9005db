import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { CutOffScope, StoredCutOff } from '../../core/cut-off.js';
import type { EndedStatus } from '../../core/lifecycle.js';
import type { SessionRecord, SessionSubject } from '../../core/session.js';
import type { EndedVersion } from '../../store/session-cleanup.js';
import {
  BULK_PAGE,
  type ChangeNote,
  type SessionFilter,
  type SessionScope,
  type SessionStore,
  type TransactionalSessionStore,
} from '../../store/session-store.js';
import { keepsUndo } from '../../store/session-undo.js';
import { CutOffs } from '../../sync/cut-offs.js';
import type { HintPublisher } from '../../sync/hints.js';
import { KnownSessions } from '../../sync/known-sessions.js';
import { SessionEndings } from '../endings/session-endings.js';
import { HINTS, SESSION_STORE } from '../module/tokens.js';
import { SessionTally } from '../pool/session-tally.js';
import { RequestScope } from '../request/request-scope.js';

/**
 * The one way to a change: runs it on the store, inside the caller's transaction if there is one, and has this node
 * know of it before anyone is told.
 */
@Injectable()
export class SessionWriter {
  /** Since the node began. */
  readonly counts = { rotations: 0 };
  readonly tally = new SessionTally();

  constructor(
    @Inject(SESSION_STORE) private readonly store: SessionStore | TransactionalSessionStore<EntityManager>,
    @Inject(KnownSessions) private readonly known: KnownSessions,
    @Inject(HINTS) private readonly hints: HintPublisher,
    @Inject(CutOffs) private readonly cutOffs: CutOffs,
    @Inject(SessionEndings) private readonly endings: SessionEndings,
    @Inject(RequestScope) private readonly scope: RequestScope,
  ) {}

  /**
   * `changed` names the records that the outcome brings; they are applied once they are durable, and then `done` runs.
   * With a caller's transaction both come with its commit, and never if it is rolled back.
   */
  async write<T>(
    manager: EntityManager | undefined,
    change: (store: SessionStore) => Promise<T>,
    changed: (outcome: T) => readonly SessionRecord[],
    done: (outcome: T) => void = () => undefined,
  ): Promise<T> {
    const store = this.#storeFor(manager);
    const since = this.known.moment();
    // Of the request that asks, whoever tells of the commit.
    const request = this.scope.current;
    const outcome = await change(store);
    const records = changed(outcome);
    store.onCommitted(() => {
      const isOwn = store === this.store;
      // What a caller's transaction has committed in the end is not known for sure: it may have had savepoints. More than
      // a page at once would take the place of sessions that are in use.
      if (isOwn && records.length <= BULK_PAGE) this.known.apply(records, since);
      else this.known.forget(records);
      if (isOwn) this.endings.wrote(records);
      this.tally.wrote(records);
      request?.changed(records);
      // Nobody else can hold anything of a session that has just begun.
      if (records.some((record) => record.version > 1)) this.hints.publish();
      done(outcome);
    });
    return outcome;
  }

  /**
   * Has this node, and then the others, know of sessions that have ended without anybody waiting for it. Nobody asks for
   * most of them again, so nothing is kept of them.
   * @param as what they became; `null` for those that were suspended
   */
  ended(sessions: readonly EndedVersion[], as: EndedStatus | null): void {
    if (sessions.length === 0) return;
    if (as !== null) this.tally.ended[as] += sessions.length;
    this.known.forget(sessions);
    this.hints.publish();
  }

  /** Suspends a session, or brings it back; whoever holds something open for it is told why. */
  async changeStatus(
    manager: EntityManager | undefined,
    change: (store: SessionStore) => Promise<SessionRecord | undefined>,
    { reason }: ChangeNote,
  ): Promise<SessionRecord | undefined> {
    return this.write(manager, change, recordsOf, (record) => {
      // Of a caller's transaction the log tells: it may have rolled back to a savepoint.
      if (record !== undefined && manager === undefined) this.endings.wroteSuspension(record, reason);
    });
  }

  /** Makes a cut-off; once it is durable this node refuses what it covers, before anyone is told. */
  async cutOff(
    manager: EntityManager | undefined,
    scope: CutOffScope,
    note: ChangeNote,
    includesProtected: boolean,
  ): Promise<StoredCutOff> {
    const store = this.#storeFor(manager);
    const request = this.scope.current;
    const cutOff = await store.cutOff(scope, note, includesProtected);
    store.onCommitted(() => {
      this.cutOffs.apply([cutOff]);
      request?.changedAny();
      this.hints.publish();
    });
    return cutOff;
  }

  /**
   * A session as the primary has it now. Inside a caller's transaction on its own connection: a second one from the pool
   * could be the one that somebody waits for who waits for us.
   */
  async read(manager: EntityManager | undefined, id: string): Promise<SessionRecord | undefined> {
    const store = this.#storeFor(manager);
    if (store === this.store) return (await this.known.load(id, true))?.record;
    return (await store.findMany([id])).records[0];
  }

  /** As `read`, if one with the id that has not ended is in scope. */
  async readIn(
    manager: EntityManager | undefined,
    scope: SessionScope,
    id: string,
  ): Promise<SessionRecord | undefined> {
    const [found] = await this.listIds(manager, { scope, ids: [id], status: 'unended' }, 1);
    return found === undefined ? undefined : this.read(manager, found);
  }

  /** The ids of the first `limit` sessions that match, as the caller's transaction sees them. */
  listIds(manager: EntityManager | undefined, filter: SessionFilter, limit: number): Promise<readonly string[]> {
    return this.#storeFor(manager).listIds(filter, limit);
  }

  /** Something has changed of a user: what was revoked of theirs before does not come back. */
  async settleUndo(manager: EntityManager | undefined, subject: SessionSubject): Promise<void> {
    const store = this.#storeFor(manager);
    if (keepsUndo(store)) await store.settleUndo(subject);
  }

  /** What was permitted of sessions that match does not come back either. */
  async withdrawUndo(manager: EntityManager | undefined, filter: SessionFilter): Promise<void> {
    const store = this.#storeFor(manager);
    if (keepsUndo(store)) await store.withdrawUndo(filter);
  }

  /** Runs `task` once what was written last is durable: now, or with the commit of the caller's transaction. */
  whenDurable(manager: EntityManager | undefined, task: () => void): void {
    this.#storeFor(manager).onCommitted(task);
  }

  #storeFor(manager: EntityManager | undefined): SessionStore {
    return manager !== undefined && 'within' in this.store ? this.store.within(manager) : this.store;
  }
}

/** What a change of at most one session has changed. */
export function recordsOf(record: SessionRecord | undefined): readonly SessionRecord[] {
  return record === undefined ? [] : [record];
}
