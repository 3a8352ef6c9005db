import { Logger } from '@nestjs/common';
import { IdentitySessionError } from '../core/errors.js';

/** Kinds of errors that are logged: clients may cause them, and must not fill the log. */
const MOST_KINDS = 100;

/** Has the log know of errors that nobody foresaw, once each, and clients of nothing but that it did not work. */
export class UnexpectedErrors {
  readonly #logger = new Logger('IdentitySession');
  readonly #told = new Set<string>();

  /** Why a connection is refused. */
  asRefusal(error: unknown): IdentitySessionError {
    if (error instanceof IdentitySessionError) return error;
    this.#tell(error);
    const message = 'The connection could not be checked. Try again.';
    return new IdentitySessionError('SESSION_STORE_UNAVAILABLE', message, { retryAfterSeconds: 1 }, error);
  }

  #tell(error: unknown): void {
    const kind = String(error);
    if (this.#told.has(kind) || this.#told.size >= MOST_KINDS) return;
    this.#told.add(kind);
    const stack = error instanceof Error ? (error.stack ?? kind) : kind;
    this.#logger.error(`A connection was refused for an error that is told once: ${stack}`);
  }
}
