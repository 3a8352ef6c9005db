import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { DataSource } from 'typeorm';
import { IdentitySessionError } from '../../core/errors.js';
import { LOG_HORIZON_MS } from '../../sync/change-log.js';
import { ensureCursor, type Query } from '../../sync/postgres/listener-log.js';
import { within } from '../../sync/within.js';
import { decoratedMethods } from '../events/decorated-methods.js';
import { SessionEventFeed } from '../events/session-event-feed.js';
import { OWN_DATA_SOURCE, RESOLVED_OPTIONS } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { NOTICE_EVENTS, SessionNotices } from '../notices/session-notices.js';
import { sendWebhook } from '../webhooks/webhook-sender.js';
import {
  DURABLE_SESSION_LISTENER,
  type DurableListener,
  type DurableListenerMetadata,
} from './durable-session-listener.decorator.js';
import { ListenerWorker } from './listener-worker.js';

const MOST_NAME = 100;
/** The listener that makes notices to users; a name that no application has. */
const NOTICES = 'identity-session:notices';
/** What a shutdown waits for events under way. */
const LAST_EVENTS_WITHIN_MS = 2_000;

type Listener = DurableListenerMetadata & { readonly handle: DurableListener };

/** The durable listeners of this node: each looks for events while the application runs, and works when no other node does. */
@Injectable()
export class DurableListeners {
  /** Since the node began, over all listeners: events told, told in vain, and put aside. */
  readonly counts = { done: 0, failed: 0, buried: 0 };
  readonly #logger = new Logger('IdentitySession');
  readonly #worker: string;
  readonly #listeners = new Map<string, Listener>();
  readonly #workers: ListenerWorker[] = [];
  readonly #wakers = new Set<() => void>();
  #loops: Promise<void>[] = [];
  #isStopped = false;

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(OWN_DATA_SOURCE) private readonly dataSource: DataSource | null,
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(SessionEventFeed) private readonly feed: SessionEventFeed,
    @Inject(SessionNotices) private readonly notices: SessionNotices,
  ) {
    // Two processes may bear one name for a moment.
    this.#worker = `${options.nodeName} ${randomUUID()}`;
  }

  /** Finds the methods with `@DurableSessionListener`. @throws IdentitySessionError `CONFIGURATION_INVALID` */
  load(): void {
    this.#addWebhooks();
    if (this.notices.isWanted) {
      const handle: DurableListener = (event, delivery) => this.notices.tell(event, delivery);
      this.add({ name: NOTICES, types: NOTICE_EVENTS, handle });
    }
    for (const { metadata, call } of decoratedMethods(
      this.discovery,
      DURABLE_SESSION_LISTENER,
      'DurableSessionListener',
    )) {
      this.add({ ...(metadata as DurableListenerMetadata), handle: call });
    }
  }

  #addWebhooks(): void {
    for (const { types, ...webhook } of this.options.webhooks) {
      const handle: DurableListener = (event, delivery) =>
        sendWebhook(webhook, event, delivery, this.options.codecs.id);
      this.add({ name: `webhook:${webhook.name}`, handle, ...(types === undefined ? {} : { types }) });
    }
  }

  /** Before the start. @throws IdentitySessionError `CONFIGURATION_INVALID` */
  add(listener: Listener): void {
    const { name } = listener;
    if (this.options.store !== undefined || this.dataSource === null) {
      throw invalid(name, 'needs the change log of the PostgreSQL store; the application brings a store of its own');
    }
    if (name === '' || name.length > MOST_NAME) throw invalid(name, `must have 1 to ${MOST_NAME} characters`);
    if (this.#listeners.has(name)) throw invalid(name, 'is there twice; each needs a name of its own');
    this.#listeners.set(name, listener);
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  find(name: string): Listener | undefined {
    return this.#listeners.get(name);
  }

  get query(): Query {
    const { dataSource } = this;
    if (dataSource === null) throw new IdentitySessionError('CONFIGURATION_INVALID', 'There is no DataSource.');
    return (sql, parameters) => dataSource.query(sql, [...parameters]);
  }

  async start(): Promise<void> {
    if (this.#listeners.size === 0) return;
    const { query } = this;
    const { listeners, logRetentionMs } = this.options;
    for (const { name, from } of this.#listeners.values()) await ensureCursor(query, name, from === 'beginning');
    this.feed.subscribe(() => {
      for (const wake of this.#wakers) wake();
    });
    const rules = { ...listeners, behindAfterMs: logRetentionMs - LOG_HORIZON_MS };
    for (const listener of this.#listeners.values()) {
      const worker = new ListenerWorker(listener, this.#worker, rules, query, this.#logger, this.counts);
      this.#workers.push(worker);
      this.#loops.push(this.#loop(worker, listener.name));
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const worker of this.#workers) worker.stop();
    for (const wake of this.#wakers) wake();
    await within(LAST_EVENTS_WITHIN_MS, Promise.all(this.#loops)).catch(() => undefined);
    this.#loops = [];
  }

  async #loop(worker: ListenerWorker, name: string): Promise<void> {
    let isFailing = false;
    while (!this.#isStopped) {
      const woken = this.#woken();
      let hasMore = false;
      try {
        hasMore = await worker.turn();
        isFailing = false;
      } catch (error) {
        if (!isFailing) this.#logger.warn(`The durable listener "${name}" cannot read its events: ${String(error)}`);
        isFailing = true;
      }
      if (!hasMore || isFailing) await woken.promise;
      woken.cancel();
    }
  }

  /** At the next event that this node reads, and as often as the log is read. */
  #woken(): { readonly promise: Promise<void>; readonly cancel: () => void } {
    let cancel: () => void = () => undefined;
    const promise = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.options.tailIntervalMs).unref();
      this.#wakers.add(resolve);
      cancel = () => {
        clearTimeout(timer);
        this.#wakers.delete(resolve);
      };
    });
    if (this.#isStopped) cancel();
    return { promise: this.#isStopped ? Promise.resolve() : promise, cancel };
  }
}

function invalid(name: string, what: string): IdentitySessionError {
  return new IdentitySessionError('CONFIGURATION_INVALID', `The durable listener "${name}" ${what}.`);
}
