import { within } from '../within.js';
import type { HintListener, HintTransport } from '../hints.js';
import { HINT_CHANNEL } from './postgres-change-log.js';

/**
 * Hints by NOTIFY, on any connection but that of a business transaction: NOTIFY takes a global lock at commit. They are
 * heard on the connection that reads the change log, which hands them over here.
 */
export class PostgresHints implements HintTransport, HintListener {
  #listener: HintListener | undefined;

  constructor(
    private readonly query: (sql: string, parameters: readonly string[]) => Promise<unknown>,
    private readonly deadlineMs: number,
  ) {}

  send(text: string): Promise<unknown> {
    return within(this.deadlineMs, this.query('SELECT pg_notify($1, $2)', [HINT_CHANNEL, text]));
  }

  open(listener: HintListener): void {
    this.#listener = listener;
  }

  close(): Promise<void> {
    this.#listener = undefined;
    return Promise.resolve();
  }

  onMessage(text: string): void {
    this.#listener?.onMessage(text);
  }

  onOpen(): void {
    this.#listener?.onOpen();
  }
}
