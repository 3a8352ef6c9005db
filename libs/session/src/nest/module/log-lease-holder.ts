import { type LogProgress, NO_LOG } from '../../sync/log-progress.js';

/** The lease of whoever follows the change log; nobody's until somebody does. */
export class LogLeaseHolder implements LogProgress {
  holder: LogProgress = NO_LOG;

  get openedAt(): number {
    return this.holder.openedAt;
  }

  get server(): string {
    return this.holder.server;
  }

  get appliedAsOf(): number {
    return this.holder.appliedAsOf;
  }

  holds(monotonic: number, wall: number): boolean {
    return this.holder.holds(monotonic, wall);
  }
}
