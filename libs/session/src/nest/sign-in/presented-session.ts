import type { EntityManager } from 'typeorm';
import type { SessionRecord } from '../../core/session.js';
import type { TokenMint } from '../../core/token.js';
import type { NodeClock } from '../../sync/node-clock.js';
import type { TokenRotation } from '../check/token-rotation.js';
import type { Credential } from '../credential/credential.js';
import type { RequestCredentials } from '../credential/request-credentials.js';
import { type VouchedCredential, vouchedSessionId, vouchesFor } from '../credential/vouched-session.js';
import type { SessionCarrier } from '../guard/carrier.js';
import type { SessionWriter } from './session-writer.js';

/** Finds the session that a request presents, for what is done to it. */
export class PresentedSession {
  constructor(
    private readonly writer: Pick<SessionWriter, 'read'>,
    private readonly credentials: RequestCredentials,
    private readonly mint: TokenMint,
    private readonly rotation: TokenRotation,
    private readonly clock: NodeClock,
  ) {}

  /**
   * The credential of a request and, if its secret is right, the session that it belongs to, live or ended. The token
   * before a rotation is right in its grace: the guard may just have rotated it in this very request.
   */
  async of(
    request: SessionCarrier,
    manager: EntityManager | undefined,
  ): Promise<{ readonly credential: Credential; readonly record: SessionRecord | undefined } | undefined> {
    const credential = this.credentials.of(request);
    if (credential === undefined) return undefined;
    if (credential.kind === 'vouched') return { credential, record: await this.#vouched(credential, manager) };
    const parsed = this.mint.read(credential.token);
    if (parsed === undefined || !this.mint.isGenuine(parsed)) return { credential, record: undefined };
    const presentedAt = this.clock.now();
    const record = await this.writer.read(manager, parsed.id);
    const standing = this.rotation.standingOf(parsed, record, presentedAt);
    // In a caller's transaction the row may be locked by those who wait for us; the next request will tell.
    if (standing === 'reused' && record !== undefined && manager === undefined) await this.rotation.endReused(record);
    return { credential, record: standing === 'current' || standing === 'previous' ? record : undefined };
  }

  /** The session that the application vouches for, of the user that it names. */
  async #vouched(
    credential: VouchedCredential,
    manager: EntityManager | undefined,
  ): Promise<SessionRecord | undefined> {
    const id = vouchedSessionId(credential);
    const record = id === undefined ? undefined : await this.writer.read(manager, id);
    return record !== undefined && vouchesFor(credential, record) ? record : undefined;
  }
}
