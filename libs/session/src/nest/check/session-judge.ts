import type { CachedSession } from '../../cache/cached-session.js';
import { expiryOf } from '../../core/expiry.js';
import { isLive } from '../../core/lifecycle.js';
import { type AssuranceLevel, meetsAssurance, type SessionRecord } from '../../core/session.js';
import type { CutOffs } from '../../sync/cut-offs.js';
import type { TouchBuffer } from '../../sync/touch-buffer.js';
import type { SessionDrift } from '../drift/session-drift.js';
import { refused, refusedAs, type Refusal, REFUSALS } from './refusals.js';

/** What a route asks of a session beyond being live. */
export interface SessionRequirements {
  /** The user must have proved who they are within this many milliseconds. */
  readonly maxAgeMs?: number;
  readonly assurance?: AssuranceLevel;
  /** The access is no activity: it moves no idle limit. */
  readonly skipTouch?: boolean;
  /** Always asks the database, as of after the request came. */
  readonly strict?: boolean;
  /** Trusts memory as without the option `strict`: for what nobody asks for, and looks again and again by itself. */
  readonly isWatch?: boolean;
  /**
   * The caller gives a successor to the client, the way that the token came. Only then is a token rotated that is due, and
   * only then is a successor told.
   */
  readonly deliversSuccessor?: boolean;
  /** Takes a session that is used from elsewhere, whatever `drift` says: where the user authenticates again. */
  readonly allowDrift?: boolean;
  /** Takes a session whose sign-in is not complete: where the user meets what it requires. */
  readonly allowPending?: boolean;
}

/** What is asked, and whether the session was read from the database for it. */
export interface Asked extends SessionRequirements {
  readonly isCurrent?: boolean;
}

export type WatchedDrift = Pick<SessionDrift, 'mayHaveMoved' | 'reactionTo' | 'end' | 'ending'>;

/** It seems idle or moved; the user may have been active, or have authenticated, on another node: ask the database. */
export const UNSETTLED = 'unsettled';

/**
 * Whether a session serves whoever has proved to be its owner, by what is in memory: at once, without I/O, a promise or
 * an allocation.
 */
export class SessionJudge {
  constructor(
    private readonly touches: TouchBuffer,
    private readonly cutOffs: CutOffs,
    private readonly drift: WatchedDrift,
  ) {}

  /**
   * `undefined` admits, and has noted the access. `record` has the rights that the proof gives, which may be fewer than
   * the entry's own.
   */
  judge(
    record: SessionRecord,
    entry: CachedSession,
    requirements: Asked,
    address: string | null,
    userAgent: string | null | undefined,
    now: number,
  ): Refusal | typeof UNSETTLED | undefined {
    const obstacle = this.#obstacle(record, entry.lastAccessedAt, requirements, now);
    if (obstacle !== undefined) return obstacle;
    const hasMoved = this.drift.mayHaveMoved(entry, address, userAgent);
    const refusal = hasMoved ? this.#refusalOfDrift(entry, requirements, address, userAgent) : undefined;
    if (refusal !== undefined) return refusal;
    if (requirements.skipTouch !== true) {
      this.touches.touch(entry, Math.floor(now), hasMoved && requirements.allowDrift === true ? null : address);
    }
    return undefined;
  }

  #obstacle(
    record: SessionRecord,
    lastAccessedAt: number,
    requirements: Asked,
    now: number,
  ): Refusal | typeof UNSETTLED | undefined {
    // The row of what is cut off still says that it lives.
    if (this.cutOffs.covers(record) && isLive(record.status)) return refused(...REFUSALS.revoked);
    if (record.status !== 'active' && !(record.status === 'pending' && requirements.allowPending === true)) {
      return refusedAs(record);
    }
    const expiry = expiryOf(record, lastAccessedAt, now);
    if (expiry === 'absolute') return refused(...REFUSALS.expired);
    if (expiry === 'idle') return UNSETTLED;
    if (requirements.maxAgeMs !== undefined && now - record.authenticatedAt > requirements.maxAgeMs) {
      return refused('SESSION_NOT_FRESH', 'This needs a more recent sign-in. Authenticate again.');
    }
    if (requirements.assurance !== undefined && !meetsAssurance(record.assurance, requirements.assurance)) {
      return refused('ASSURANCE_TOO_LOW', `This needs a sign-in of level ${requirements.assurance}.`);
    }
    return undefined;
  }

  /** Why a session is refused that is used from elsewhere; only a fresh look at the database settles it. */
  #refusalOfDrift(
    entry: CachedSession,
    requirements: Asked,
    address: string | null,
    userAgent: string | null | undefined,
  ): Refusal | typeof UNSETTLED | undefined {
    if (requirements.allowDrift === true) return undefined;
    const isCurrent = requirements.isCurrent === true;
    const reaction = this.drift.reactionTo(entry, address, userAgent, isCurrent);
    if (reaction === 'ignore') return undefined;
    if (!isCurrent) return UNSETTLED;
    if (reaction === 'step-up') {
      return refused('SESSION_NOT_FRESH', 'The session is used from elsewhere. Authenticate again.');
    }
    void this.drift.end(entry.record.id);
    return refused(...REFUSALS.revoked);
  }
}
