import { Inject, Injectable } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';
import { isLive } from '../../core/lifecycle.js';
import { isSessionId } from '../../core/token.js';
import { CutOffs } from '../../sync/cut-offs.js';
import { KnownSessions } from '../../sync/known-sessions.js';
import { Session } from '../session/session.js';
import { type RequestCollection, RequestScope } from './request-scope.js';

/** As many as one statement reads. */
const MOST_AT_ONCE = 500;

/**
 * The sessions of a request: the same id is the same object for as long as the request lasts, and is looked up once
 * however often it is asked for. What others change meanwhile does not show; what the request changes itself does, from
 * then on. For requests of an application with `perRequest: true`, behind `RequestSessionsMiddleware`, and inside `run`.
 *
 * @throws IdentitySessionError `CONFIGURATION_INVALID` from everything but `run` where no collection is open
 */
@Injectable()
export class RequestSessions {
  constructor(
    @Inject(RequestScope) private readonly scope: RequestScope,
    @Inject(KnownSessions) private readonly known: KnownSessions,
    @Inject(CutOffs) private readonly cutOffs: CutOffs,
  ) {}

  /** What the application keeps for the rest of the request: never stored, and no other request's. */
  get values(): Map<unknown, unknown> {
    return this.#open().values;
  }

  /**
   * A session, live or ended: the very object that the request was admitted with, if it is that. From memory where this
   * node may trust it, else loaded together with what else is asked for now. At most 1 000 are remembered.
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE`; asked again, it is tried again
   */
  async get(id: string): Promise<Session | undefined> {
    return this.#find(this.#open(), id);
  }

  /**
   * The sessions with the ids, in their order, `undefined` for one that does not exist: in one query for those that are
   * neither known to the request nor to this node.
   * @throws IdentitySessionError `VALIDATION_FAILED` for more than 500, `SESSION_STORE_UNAVAILABLE`
   */
  async many(ids: readonly string[]): Promise<(Session | undefined)[]> {
    const collection = this.#open();
    if (ids.length > MOST_AT_ONCE) {
      const message = `must not be more than ${MOST_AT_ONCE} at once`;
      throw new IdentitySessionError('VALIDATION_FAILED', `The ids of sessions ${message}.`, {
        errors: [{ field: 'ids', message }],
      });
    }
    return Promise.all(ids.map((id) => this.#find(collection, id)));
  }

  /** Runs what is no request, like a job, with a collection of its own. */
  run<T>(work: () => T): T {
    return this.scope.runAlone(work);
  }

  #open(): RequestCollection {
    const { current } = this.scope;
    if (current !== undefined) return current;
    throw new IdentitySessionError(
      'CONFIGURATION_INVALID',
      'No collection of sessions is open here. Give IdentitySessionModule perRequest: true, mount ' +
        'RequestSessionsMiddleware for what runs before handlers, or call this inside RequestSessions.run(…).',
    );
  }

  #find(collection: RequestCollection, id: string): Promise<Session | undefined> {
    if (!isSessionId(id)) return Promise.resolve(undefined);
    return collection.of(id, async () => {
      const trusted = this.known.trusted(id);
      // What is cut off is over, though its record does not say so: the database tells when and why.
      const isOver = trusted !== undefined && isLive(trusted.record.status) && this.cutOffs.covers(trusted.record);
      const entry = trusted === undefined || isOver ? await this.known.load(id, isOver) : trusted;
      return entry === undefined ? undefined : new Session(entry.record, entry);
    });
  }
}
