import type { LogLease } from '../../sync/known-sessions.js';

/** The lease of whoever follows the change log; nobody's until somebody does. */
export class LogLeaseHolder implements LogLease {
  holder: LogLease | undefined;

  holds(monotonic: number, wall: number): boolean {
    return this.holder?.holds(monotonic, wall) ?? false;
  }
}
