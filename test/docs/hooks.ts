// What docs/hooks.md shows; compiled with the tests.
import { Injectable } from '@nestjs/common';
import { OnSessionEvent, type SessionChangeEvent, type SessionResyncEvent } from 'nestjs-identity-session';

// #region events
@Injectable()
export class Presence {
  readonly #online = new Map<string, Set<string>>();

  @OnSessionEvent('signed_out', 'revoked', 'evicted', 'expired')
  forget({ userId, sessionId }: SessionChangeEvent): void {
    if (userId !== null && sessionId !== null) this.#online.get(userId)?.delete(sessionId);
  }

  @OnSessionEvent('cut_off', 'resync')
  startAnew(_event: SessionChangeEvent | SessionResyncEvent): void {
    this.#online.clear(); // many have ended, or some changes may have been missed
  }
}
// #endregion
