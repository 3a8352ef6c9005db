// What docs/locks.md shows; compiled with the tests.
import { Injectable } from '@nestjs/common';
import { type Session, SessionLocks } from 'nestjs-identity-session';

/** Your own. */
export abstract class Billing {
  abstract charge(userId: string, options: { signal: AbortSignal; fence: number }): Promise<string>;
}

// #region lock
@Injectable()
export class CheckoutService {
  constructor(
    private readonly locks: SessionLocks,
    private readonly billing: Billing,
  ) {}

  async pay(session: Session): Promise<string> {
    // Twice pressed, on two devices, on two nodes: one after the other.
    return this.locks.withUserLock(
      session, // or { tenantId, userId }
      ({ signal, token }) => this.billing.charge(session.userId, { signal, fence: token }),
      { waitMs: 2_000, holdMs: 10_000 },
    );
  }
}
// #endregion
