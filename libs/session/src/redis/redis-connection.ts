import { Breaker } from './breaker.js';
import type { RedisClient, RedisListener, RedisPackage } from './load-redis.js';

/** What became of a call. A server that is away is nothing unexpected. */
export type RedisOutcome =
  | { readonly kind: 'reply'; readonly value: unknown }
  /** The server answered with an error; its first word, such as `OOM`. */
  | { readonly kind: 'error'; readonly code: string }
  /** No answer in time. It may still be carried out. */
  | { readonly kind: 'timeout' }
  /** The connection was lost. */
  | { readonly kind: 'failed' }
  /** Not sent: not connected, or nothing came back a moment ago, or too much is under way. */
  | { readonly kind: 'skipped' };

export interface RedisConnectionOptions {
  /** `redis:`, `rediss:` or `unix:`. */
  readonly url: string;
  /** A call is given up after this long. */
  readonly deadlineMs: number;
}

export interface RedisConnectionPorts {
  readonly monotonic: () => number;
  /** Between 0 and 1. */
  readonly random: () => number;
  /** Told once when the connection is lost or cannot be made, and once when it is there again. */
  readonly onLost: (error: unknown) => void;
  readonly onRestored: () => void;
}

const CONNECT_WITHIN_MS = 500;
/** A connection over which nothing has come for longer is given up; pings see to it that something comes. */
const SILENCE_MS = 800;
const PING_INTERVAL_MS = 300;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2_000;
const CLOSE_WITHIN_MS = 500;
/** Calls that have not been answered; beyond that the server does not keep up. */
const MOST_PENDING = 20_000;

/**
 * A connection to Redis that connects in the background, again and again, and on which a call takes a bounded time
 * whatever has become of the server. Nothing is kept for later: what cannot be sent now is not sent.
 */
export class RedisConnection {
  readonly #client: RedisClient;
  readonly #breaker: Breaker;
  readonly #subscriptions = new Set<() => void>();
  #pending = 0;
  #isLost = false;
  #isOpen = false;

  constructor(
    redis: RedisPackage,
    private readonly options: RedisConnectionOptions,
    private readonly ports: RedisConnectionPorts,
  ) {
    this.#breaker = new Breaker(ports.monotonic, ports.random);
    this.#client = redis.createClient({
      url: options.url,
      // What every server understands, and every user may do.
      RESP: 2,
      disableClientInfo: true,
      maintNotifications: 'disabled',
      // Otherwise calls wait for a server that is away, and stale writes are made when it is back.
      disableOfflineQueue: true,
      pingInterval: PING_INTERVAL_MS,
      socket: {
        connectTimeout: CONNECT_WITHIN_MS,
        socketTimeout: SILENCE_MS,
        reconnectStrategy: (retries: number) =>
          Math.min(FIRST_RETRY_MS * 2 ** retries, LONGEST_RETRY_MS) * (0.5 + ports.random() / 2),
      },
    });
    // Without a listener a lost connection ends the process.
    this.#client.on('error', (error) => {
      if (this.#isLost || !this.#isOpen || this.#client.isReady) return;
      this.#isLost = true;
      this.ports.onLost(error);
    });
    this.#client.on('ready', () => {
      void this.#greet();
      for (const subscribe of this.#subscriptions) subscribe();
    });
  }

  get isReady(): boolean {
    return this.#client.isReady;
  }

  /** Returns at once; the server may come whenever it does. */
  open(): void {
    this.#isOpen = true;
    // Rejects when it is closed before it was ever connected.
    this.#client.connect().catch(() => undefined);
  }

  /** Never rejects, and takes `deadlineMs` at most. */
  async call(args: readonly (string | Buffer)[]): Promise<RedisOutcome> {
    if (!this.#client.isReady || this.#pending >= MOST_PENDING || !this.#breaker.admits()) return { kind: 'skipped' };
    const answer = this.#send(args);
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<RedisOutcome>((resolve) => {
      timer = setTimeout(() => {
        // Timers run before sockets are read: in a process that was busy for as long, the answer may have come already.
        setImmediate(resolve, { kind: 'timeout' });
      }, this.options.deadlineMs);
    });
    const outcome = await Promise.race([answer, deadline]);
    clearTimeout(timer);
    if (outcome.kind === 'timeout') this.#breaker.failed();
    return outcome;
  }

  /**
   * Messages of a channel, or of all that a pattern matches, on a connection that then does nothing else; `onOpen` each
   * time that they begin to come. The answer ends it. The listener must not throw.
   */
  subscribe(channel: string, listener: RedisListener, onOpen: () => void, isPattern = false): () => void {
    const client = this.#client;
    const subscribe = (): void => {
      // After the first time the client subscribes by itself, and this only waits for nothing.
      const opening = isPattern
        ? client.pSubscribe(channel, listener, true)
        : client.subscribe(channel, listener, true);
      opening.then(onOpen, this.ports.onLost);
    };
    this.#subscriptions.add(subscribe);
    if (client.isReady) subscribe();
    return () => {
      this.#subscriptions.delete(subscribe);
      // What is not connected is not subscribed when it is again.
      const closing = isPattern
        ? client.pUnsubscribe(channel, listener, true)
        : client.unsubscribe(channel, listener, true);
      closing.catch(() => undefined);
    };
  }

  /** Within half a second, whether the server answers or not. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, CLOSE_WITHIN_MS);
    });
    const closing = this.#client.isReady ? this.#client.close().catch(() => undefined) : undefined;
    await Promise.race([closing, patience]);
    clearTimeout(timer);
    try {
      this.#client.destroy();
    } catch {
      // Version 5 of the client refuses to destroy what has closed already.
    }
  }

  /** A server that is stalled accepts connections too: it is there once it has answered. */
  async #greet(): Promise<void> {
    if ((await this.#send(['PING'])).kind === 'failed' || !this.#isLost) return;
    this.#isLost = false;
    this.ports.onRestored();
  }

  async #send(args: readonly (string | Buffer)[]): Promise<RedisOutcome> {
    this.#pending += 1;
    try {
      const value = await this.#client.sendCommand(args);
      this.#breaker.succeeded();
      return { kind: 'reply', value };
    } catch (error) {
      const code = errorCode(error);
      if (code === undefined) return { kind: 'failed' };
      this.#breaker.succeeded();
      return { kind: 'error', code };
    } finally {
      this.#pending -= 1;
    }
  }
}

/** The first word of an error that the server has answered with; `undefined` for an error of the connection. */
function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !REPLY_ERRORS.has(error.constructor.name)) return undefined;
  return error.message.split(' ', 1)[0];
}

const REPLY_ERRORS = new Set(['SimpleError', 'BlobError', 'ErrorReply']);
