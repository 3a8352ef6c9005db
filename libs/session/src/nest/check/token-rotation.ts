import { Inject, Injectable, Logger } from '@nestjs/common';
import { expiryOf } from '../../core/expiry.js';
import { isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import { digestsEqual, type ParsedToken, TokenMint } from '../../core/token.js';
import { standingOf, type TokenStanding } from '../../core/token-standing.js';
import { saltBytes } from '../../store/rotation-salt.js';
import { NodeClock } from '../../sync/node-clock.js';
import { RESOLVED_OPTIONS } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { recordsOf, SessionWriter } from '../sign-in/session-writer.js';

/** Rotations under way at once, so that they leave connections to everybody else; who is due can be so for longer. */
const MOST_AT_ONCE = 8;
/** After a failure nothing is rotated for this long: each attempt would have a request wait. */
const PAUSE_MS = 5_000;

/**
 * The scheduled rotation of tokens, and what becomes of those that were replaced. Every node derives the same successor
 * from the same token, and the store lets one of them write it: there is one successor, however many ask.
 */
@Injectable()
export class TokenRotation {
  readonly #logger = new Logger('IdentitySession');
  readonly #intervalMs: number;
  readonly #graceMs: number;
  readonly #endsReused: boolean;
  /** By session id: those who present the same token share one rotation. */
  readonly #flights = new Map<string, Promise<SessionRecord | undefined>>();
  #pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(
    @Inject(RESOLVED_OPTIONS) { rotation }: Pick<ResolvedOptions, 'rotation'>,
    @Inject(TokenMint) private readonly mint: TokenMint,
    @Inject(SessionWriter) private readonly writer: SessionWriter,
    @Inject(NodeClock) private readonly clock: NodeClock,
  ) {
    this.#intervalMs = rotation.intervalMs === 0 ? Number.POSITIVE_INFINITY : rotation.intervalMs;
    this.#graceMs = rotation.graceMs;
    this.#endsReused = rotation.onReuse === 'revoke';
  }

  /** Whether the current token of a session is to be rotated now. */
  isDue(session: SessionRecord, now: number): boolean {
    const isOld = now - (session.rotatedAt ?? session.createdAt) >= this.#intervalMs;
    return isOld && session.status === 'active' && this.#mayRotate(session.id, now);
  }

  /** What a token, presented at `at`, is to the session. With keys, its MAC must have been checked before. */
  standingOf(token: ParsedToken, session: SessionRecord | undefined, at: number): TokenStanding {
    return standingOf(token, session, { at, graceMs: this.#graceMs, isAuthentic: this.mint.hasKeys });
  }

  /**
   * Replaces the current token by its successor and keeps it as the previous one. The session as it is then, or
   * `undefined` where somebody else has changed it meanwhile.
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE`; then nothing may have happened, or the rotation
   */
  rotate(token: ParsedToken, session: SessionRecord): Promise<SessionRecord | undefined> {
    const present = this.#flights.get(session.id);
    if (present !== undefined) return present;
    const flight = this.#write(token, session).finally(() => {
      this.#flights.delete(session.id);
    });
    this.#flights.set(session.id, flight);
    return flight;
  }

  /** The session's current token, for whoever presents the one that it derives from; `undefined` for anybody else. */
  successorOf(token: ParsedToken, session: SessionRecord): string | undefined {
    if (session.previous?.hasSuccessor !== true) return undefined;
    const successor = this.mint.derive(token, saltBytes(session.rotationSalt));
    return digestsEqual(successor.digest, session.tokenDigest) ? successor.token : undefined;
  }

  /**
   * Ends a session whose older token was presented after its grace: one of two holders is a thief, and nobody can tell
   * which. Does nothing where the options say so, or to a session that is over.
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE`
   */
  async endReused(session: SessionRecord): Promise<void> {
    const isOver = !isLive(session.status) || expiryOf(session, session.lastAccessedAt, this.clock.now()) !== 'none';
    if (!this.#endsReused || isOver) return;
    const ended = await this.writer.write(
      undefined,
      (store) =>
        store.end({ kind: 'all' }, session.id, 'revoked', { reason: 'token_reused', by: null, source: 'rotation' }),
      recordsOf,
    );
    if (ended === undefined) return;
    this.warn(`Session ${session.id} was ended: a token that it had before was used again after its grace.`);
  }

  protected warn(message: string): void {
    this.#logger.warn(message);
  }

  #mayRotate(id: string, now: number): boolean {
    return this.#flights.has(id) || (now >= this.#pausedUntil && this.#flights.size < MOST_AT_ONCE);
  }

  async #write(token: ParsedToken, session: SessionRecord): Promise<SessionRecord | undefined> {
    const rotation = {
      id: session.id,
      fromGeneration: session.tokenGeneration,
      tokenDigest: this.mint.derive(token, saltBytes(session.rotationSalt)).digest,
      reauthenticated: false,
      previous: { hasSuccessor: true },
    };
    try {
      const note = { reason: 'scheduled', by: null, source: 'rotation' };
      const rotated = await this.writer.write(undefined, (store) => store.rotate(rotation, note), recordsOf);
      if (rotated !== undefined) this.writer.counts.rotations += 1;
      return rotated;
    } catch (error) {
      if (this.clock.now() >= this.#pausedUntil) {
        this.warn(`Tokens cannot be rotated and stay as they are: ${String(error)}`);
      }
      this.#pausedUntil = this.clock.now() + PAUSE_MS;
      throw error;
    }
  }
}
