import pg from 'pg';

/** Behind the server's own `statement_timeout`, which ends what PostgreSQL itself can still end. */
export const QUERY_DEADLINE_MS = 6_500;

type Query = (...args: unknown[]) => unknown;

/**
 * A connection that is closed when the server leaves a query without an answer (it is stopped, or the network is
 * gone). Closing beats giving up on the query alone: a connection that went back to the pool in the middle of a
 * transaction would let somebody else commit it.
 */
export class DeadlineClient extends pg.Client {
  /**
   * A connection may be cut in the moment between the pool, which listens to idle ones, and whoever takes it: the greeting
   * of a server and its farewell can arrive together. An error that nobody listens for would end the process; what is
   * done on the connection fails by itself.
   */
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }

  // The declared overloads cannot be repeated; what is given is passed on as it is.
  override query(...args: unknown[]): never {
    const query = (pg.Client.prototype.query as Query).bind(this);
    const timer = setTimeout(() => {
      this.#close();
    }, QUERY_DEADLINE_MS);
    const callback = args.at(-1);
    if (typeof callback === 'function') {
      const settle: Query = (...results) => {
        clearTimeout(timer);
        (callback as Query)(...results);
      };
      return query(...args.slice(0, -1), settle) as never;
    }
    const result = query(...args);
    if (result instanceof Promise) {
      return result.finally(() => {
        clearTimeout(timer);
      }) as never;
    }
    // A stream or a cursor may take its time.
    clearTimeout(timer);
    return result as never;
  }

  #close(): void {
    const { stream } = (this as unknown as { connection: { stream: { destroy(error: Error): void } } }).connection;
    stream.destroy(new Error(`PostgreSQL did not answer within ${QUERY_DEADLINE_MS} ms`));
  }
}
