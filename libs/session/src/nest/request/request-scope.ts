import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import type { Session } from '../session/session.js';

/** Of one request, this many sessions are remembered; the ones that were asked for first go. */
const MOST = 1_000;

/** The sessions that a request has asked for, and what else it keeps until it is answered. */
export class RequestCollection {
  readonly values = new Map<unknown, unknown>();
  readonly #sessions = new Map<string, Promise<Session | undefined>>();

  /** The session that the request was admitted with, if any. */
  admitted(session: Session | null): void {
    if (session !== null && !this.#sessions.has(session.id)) this.#keep(session.id, Promise.resolve(session));
  }

  /** What was found for the id, or is being looked for. */
  of(id: string, find: () => Promise<Session | undefined>): Promise<Session | undefined> {
    const present = this.#sessions.get(id);
    if (present !== undefined) return present;
    const found = find();
    this.#keep(id, found);
    found.catch(() => {
      // So that it can be tried again.
      if (this.#sessions.get(id) === found) this.#sessions.delete(id);
    });
    return found;
  }

  /** The request has changed these itself: what it asks for from now on is as they are then. */
  changed(sessions: readonly { readonly id: string }[]): void {
    for (const { id } of sessions) this.#sessions.delete(id);
  }

  /** The request has changed more than it can name. */
  changedAny(): void {
    this.#sessions.clear();
  }

  #keep(id: string, found: Promise<Session | undefined>): void {
    const [first] = this.#sessions.keys();
    if (this.#sessions.size >= MOST && first !== undefined) this.#sessions.delete(first);
    this.#sessions.set(id, found);
  }
}

/** Which request the code that runs is part of. Costs nothing where no collection is opened. */
@Injectable()
export class RequestScope {
  readonly #storage = new AsyncLocalStorage<RequestCollection>();
  /** One for each request, however many handlers it has: GraphQL calls several. */
  readonly #collections = new WeakMap<object, RequestCollection>();

  /** The collection that is open; `undefined` outside of a request that has one. */
  get current(): RequestCollection | undefined {
    return this.#storage.getStore();
  }

  /** Runs `work` with a collection: the one that is open, that of the request, or a new one. */
  run<T>(request: object | undefined, work: (collection: RequestCollection) => T): T {
    const open = this.current;
    if (open !== undefined) return work(open);
    const collection = (request && this.#collections.get(request)) ?? new RequestCollection();
    if (request !== undefined) this.#collections.set(request, collection);
    return this.#storage.run(collection, () => work(collection));
  }

  /** Runs `work` with a collection of its own. */
  runAlone<T>(work: () => T): T {
    return this.#storage.run(new RequestCollection(), work);
  }
}
