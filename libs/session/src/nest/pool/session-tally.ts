import type { EndedStatus } from '../../core/lifecycle.js';
import { isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';

/** Sessions that this process has begun and ended since it was started, once that was durable. */
export class SessionTally {
  created = 0;
  readonly ended: Record<EndedStatus, number> = { signed_out: 0, expired: 0, evicted: 0, revoked: 0, rejected: 0 };

  get allEnded(): number {
    const { signed_out: signedOut, expired, evicted, revoked, rejected } = this.ended;
    return signedOut + expired + evicted + revoked + rejected;
  }

  /** What one change has written. */
  wrote(records: readonly SessionRecord[]): void {
    for (const { status, version } of records) {
      if (version === 1) this.created += 1;
      else if (!isLive(status)) this.ended[status] += 1;
    }
  }
}
