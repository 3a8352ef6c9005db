import { createHash } from 'node:crypto';
import pg from 'pg';

type Notification = Pick<pg.Notification, 'payload'>;

/** As the adapter sees its connection. */
export interface ListeningClient {
  on(event: 'notification' | 'end', listener: (message: Notification) => unknown): void;
  removeAllListeners(event: string): void;
  query(sql: string): Promise<unknown>;
  release(): void;
}

export interface ListeningPoolPorts {
  readonly connect: () => Promise<pg.Client>;
  /** Anything but LISTEN. */
  readonly query: (sql: string, parameters?: readonly unknown[]) => Promise<pg.QueryResult>;
  /** Messages of a channel begin to come. */
  readonly onListening: (channel: string) => void;
  /** Came, and is not handled: too many wait. */
  readonly onOverflow: () => void;
}

/** Messages that wait until one before them has been fetched. */
const MOST_WAITING = 10_000;
/** A connection over which nothing comes back is given up. */
const PROBE_INTERVAL_MS = 5_000;

/**
 * What the adapter takes for its pool: a connection of its own on which it listens, and a pool for everything else. A lost
 * connection ends no process and takes no place in the pool; messages are handled in the order in which they came; and a
 * namespace may be called what it likes.
 */
export class ListeningPool {
  #client: pg.Client | undefined;
  #statement: Statement | undefined;
  #probe: NodeJS.Timeout | undefined;
  #isListening = false;
  #hasHeard = false;
  #isClosed = false;

  constructor(private readonly ports: ListeningPoolPorts) {}

  /** Whether it hears; its own messages are heard too. */
  get isUp(): boolean {
    return this.#isListening && this.#hasHeard;
  }

  readonly query = (sql: string, parameters: readonly unknown[] = []): Promise<pg.QueryResult> => {
    if (!sql.includes('pg_notify')) return this.ports.query(sql, parameters);
    const [channel, payload] = parameters as [string, string];
    return this.ports.query(sql, [channelOf(channel), payload]);
  };

  readonly connect = async (): Promise<ListeningClient> => {
    this.#forget();
    const client = this.#isClosed ? undefined : await this.ports.connect();
    // The adapter would try again for ever.
    if (client === undefined || this.isClosed()) {
      if (client !== undefined) destroy(client);
      return new Promise(() => undefined);
    }
    this.#client = client;
    const statement = oneAfterTheOther(client);
    this.#statement = statement;
    this.#probe = setInterval(() => {
      statement('SELECT 1').catch(() => {
        destroy(client);
      });
    }, PROBE_INTERVAL_MS).unref();
    return this.#clientOf(client, statement);
  };

  /** Where it is not connected, it listens to nothing. */
  unlisten(channel: string): void {
    this.#statement?.(`UNLISTEN ${pg.escapeIdentifier(channelOf(channel))}`).catch(() => undefined);
  }

  close(): void {
    this.#isClosed = true;
    this.#forget();
  }

  isClosed(): boolean {
    return this.#isClosed;
  }

  #clientOf(client: pg.Client, statement: Statement): ListeningClient {
    return {
      on: (event, listener) => {
        if (event === 'end') {
          client.on('end', () => {
            // One that was given up before must not have the adapter connect twice.
            if (this.#client !== client) return;
            this.#forget();
            listener({});
          });
        } else {
          const messages = new InOrder(listener, this.ports.onOverflow);
          client.on('notification', ({ payload }) => {
            this.#hasHeard = true;
            messages.take({ payload });
          });
        }
      },
      removeAllListeners: () => undefined,
      query: async (sql) => {
        const channel = /^LISTEN "(.*)"$/s.exec(sql)?.[1];
        if (channel === undefined) throw new Error(`The adapter sends what it is not known to send: ${sql}`);
        await statement(`LISTEN ${pg.escapeIdentifier(channelOf(channel))}`);
        if (this.#client !== client) return;
        this.#isListening = true;
        this.ports.onListening(channel);
      },
      release: () => {
        if (this.#client === client) this.#forget();
      },
    };
  }

  #forget(): void {
    clearInterval(this.#probe);
    const client = this.#client;
    this.#client = undefined;
    this.#statement = undefined;
    this.#isListening = false;
    this.#hasHeard = false;
    if (client !== undefined) destroy(client);
  }
}

/** Hands messages over one after the other, each once the one before has been handled. */
class InOrder {
  readonly #waiting: Notification[] = [];
  #isBusy = false;

  constructor(
    private readonly listener: (message: Notification) => unknown,
    private readonly onOverflow: () => void,
  ) {}

  take(message: Notification): void {
    if (this.#isBusy && this.#waiting.length >= MOST_WAITING) {
      this.onOverflow();
      return;
    }
    this.#waiting.push(message);
    if (!this.#isBusy) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        await this.listener(next);
      } catch {
        // The adapter tells of what it cannot read.
      }
    }
    this.#isBusy = false;
  }
}

/**
 * The adapter writes the name of a namespace into its statements as it is, and clients name those that are made at run
 * time: what is no plain name of PostgreSQL, or too long for one, is replaced by its digest.
 */
function channelOf(name: string): string {
  if (/^[\x20-\x7e]{1,63}$/.test(name)) return name;
  return `socket.io#${createHash('sha256').update(name).digest('base64url')}`;
}

type Statement = (sql: string) => Promise<unknown>;

/** The driver wants one statement at a time. */
function oneAfterTheOther(client: pg.Client): Statement {
  let last: Promise<unknown> = Promise.resolve();
  return (sql) => {
    const run = (): Promise<unknown> => client.query(sql);
    const result = last.then(run, run);
    last = result;
    return result;
  };
}

/** Says goodbye, and waits for no answer. */
function destroy(client: pg.Client): void {
  const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
  client.end().catch(() => undefined);
  setTimeout(() => {
    stream.destroy();
  }, 100).unref();
}
