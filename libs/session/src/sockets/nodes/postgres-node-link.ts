import type { Namespace } from 'socket.io';
import pg from 'pg';
import { within } from '../../sync/within.js';
import { ListeningPool } from './listening-pool.js';
import type { AdapterPackage, ClusterAdapter } from './load-adapter.js';
import { type AdapterFactory, type NodeLink, untilUp } from './node-link.js';
import { PublishOrder } from './publish-order.js';

/** What `@socket.io/postgres-adapter` takes. */
export type PostgresAdapterArguments = readonly [pool: Pick<ListeningPool, 'query' | 'connect'>, options: object];

export interface PostgresNodeLinkPorts {
  readonly createAdapter: AdapterPackage<PostgresAdapterArguments>['createAdapter'];
  readonly connection: pg.ClientConfig;
  /** What is longer comes from nobody who may be believed. */
  readonly longestBytes: number;
  /** Told once when messages cannot be sent or heard, and once when they can again. */
  readonly onLost: (error: unknown) => void;
  readonly onRestored: () => void;
}

/** Of the adapter, what its types keep to itself. */
interface PatchedAdapter extends ClusterAdapter {
  doPublish(message: unknown): Promise<string>;
  doPublishResponse(requester: string, response: unknown): Promise<void>;
  readonly cleanupTimer?: NodeJS.Timeout;
  readonly heartbeatTimer?: NodeJS.Timeout;
  readonly client?: { readonly cleanupTimer?: NodeJS.Timeout; readonly channels: Set<string> };
}

const CHANNEL_PREFIX = 'socket.io';
const TABLE = 'identity_session_socket_attachment';
const ATTACHMENTS_FOR_MS = 30_000;
/** NOTIFY refuses 8 000 bytes; what is longer goes through the table. */
const LONGEST_NOTIFICATION = 7_900;
const CONNECT_WITHIN_MS = 2_000;
const ANSWER_WITHIN_MS = 3_000;
const CLOSE_WITHIN_MS = 1_000;

/** Nodes reach each other through PostgreSQL: `@socket.io/postgres-adapter` on connections of its own. */
export class PostgresNodeLink implements NodeLink {
  readonly figures = { unsent: 0, malformed: 0 };
  readonly #config: pg.ClientConfig;
  readonly #pool: pg.Pool;
  readonly #order = new PublishOrder();
  readonly #listening = new Set<ListeningPool>();
  readonly #adapters = new Set<PatchedAdapter>();
  readonly #whenOpened: Promise<void>;
  #opened!: () => void;
  #isOpen = false;
  #isFailing = false;
  #isClosed = false;

  constructor(private readonly ports: PostgresNodeLinkPorts) {
    this.#whenOpened = new Promise((resolve) => (this.#opened = resolve));
    this.#config = {
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
      ...ports.connection,
      query_timeout: ANSWER_WITHIN_MS,
      keepAlive: true,
      application_name: 'identity-session sockets',
    };
    this.#pool = new pg.Pool({ ...this.#config, max: 2, idleTimeoutMillis: 30_000, allowExitOnIdle: true });
    // Without a listener a cut connection ends the process. What is lost shows at the next statement.
    this.#pool.on('error', () => undefined);
  }

  get isUp(): boolean {
    if (this.#isFailing || this.#listening.size === 0) return false;
    for (const pool of this.#listening) if (!pool.isUp) return false;
    return true;
  }

  adapter(): AdapterFactory {
    const byChannel = new Map<string, PatchedAdapter>();
    const pool = new ListeningPool({
      connect: () => this.#connect(),
      query: (sql, parameters) => this.#order.inTurn(() => this.#query(sql, parameters)),
      onListening: (channel) => {
        // Whoever was there before could not be heard when the adapter asked.
        void byChannel.get(channel)?.init();
      },
      onOverflow: () => {
        this.figures.malformed += 1;
      },
    });
    this.#listening.add(pool);
    const make = this.ports.createAdapter(pool, {
      channelPrefix: CHANNEL_PREFIX,
      tableName: TABLE,
      payloadThreshold: LONGEST_NOTIFICATION,
      cleanupInterval: ATTACHMENTS_FOR_MS,
      errorHandler: (error: unknown) => {
        if (!toldOf.has(error as object)) this.figures.malformed += 1;
      },
    });
    const patch = (adapter: PatchedAdapter, onClosed: () => void): PatchedAdapter => this.#patch(adapter, onClosed);
    return function adapterOf(namespace: Namespace) {
      const adapter = make(namespace) as PatchedAdapter;
      const channel = `${CHANNEL_PREFIX}#${namespace.name}`;
      byChannel.set(channel, adapter);
      return patch(adapter, () => {
        if (byChannel.get(channel) !== adapter) return;
        byChannel.delete(channel);
        // It would listen for good: clients may make any number of namespaces, one after the other.
        adapter.client?.channels.delete(channel);
        pool.unlisten(channel);
      });
    } as unknown as AdapterFactory;
  }

  async open(): Promise<void> {
    this.#isOpen = true;
    this.#opened();
    if (this.#listening.size > 0) await untilUp(this);
  }

  async close(): Promise<void> {
    for (const adapter of this.#adapters) await adapter.close();
    this.#isClosed = true;
    for (const pool of this.#listening) pool.close();
    // Whatever waits for a start that has failed.
    this.#opened();
    await within(CLOSE_WITHIN_MS, this.#order.close()).catch(() => undefined);
    await within(CLOSE_WITHIN_MS, this.#pool.end()).catch(() => undefined);
  }

  #patch(adapter: PatchedAdapter, onClosed: () => void): PatchedAdapter {
    const publish = adapter.doPublish.bind(adapter);
    const respond = adapter.doPublishResponse.bind(adapter);
    const close = adapter.close.bind(adapter);
    // Its callers would hold messages to connections of this node until the database has answered.
    adapter.doPublish = (message) => {
      this.#publish(adapter, () => publish(message));
      return Promise.resolve('');
    };
    adapter.doPublishResponse = (requester, response) => {
      this.#publish(adapter, () => respond(requester, response));
      return Promise.resolve();
    };
    adapter.close = () => {
      if (!this.#adapters.delete(adapter)) return;
      const closed = close();
      onClosed();
      return closed;
    };
    this.#adapters.add(adapter);
    adapter.cleanupTimer?.unref();
    adapter.client?.cleanupTimer?.unref();
    return adapter;
  }

  #publish({ heartbeatTimer }: PatchedAdapter, begin: () => Promise<unknown>): void {
    heartbeatTimer?.unref();
    if (this.#isClosed || !this.#order.publish(begin)) this.figures.unsent += 1;
  }

  async #connect(): Promise<pg.Client> {
    await this.#whenOpened;
    if (!this.#isOpen) throw new Error(NEVER_OPENED);
    const client = new pg.Client(this.#config);
    client.on('error', () => undefined);
    try {
      await client.connect();
      this.#worked();
      return client;
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  async #query(sql: string, parameters: readonly unknown[] = []): Promise<pg.QueryResult> {
    await this.#whenOpened;
    if (!this.#isOpen) throw new Error(NEVER_OPENED);
    // What came from another node names it, and may name nothing.
    if (sql.startsWith('SELECT') && !sql.includes('pg_notify')) return this.#fetch(sql, parameters);
    try {
      const result = await this.#pool.query(sql, [...parameters]);
      this.#worked();
      return result;
    } catch (error) {
      this.figures.unsent += 1;
      this.#failed(error);
      throw error;
    }
  }

  async #fetch(sql: string, parameters: readonly unknown[]): Promise<pg.QueryResult> {
    const result = await this.#pool.query<{ readonly payload?: Buffer }>(sql, [...parameters]);
    const length = result.rows[0]?.payload?.length ?? 0;
    if (length > this.ports.longestBytes) throw new Error('The message is too long.');
    return result;
  }

  #worked(): void {
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.ports.onRestored();
  }

  #failed(error: unknown): void {
    if (typeof error === 'object' && error !== null) toldOf.add(error);
    if (this.#isFailing || this.#isClosed) return;
    this.#isFailing = true;
    this.ports.onLost(error);
  }
}

const NEVER_OPENED = 'The application did not start.';

/** Errors of statements, which are no messages that could not be read. */
const toldOf = new WeakSet();
