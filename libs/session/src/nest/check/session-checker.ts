import { Inject, Injectable } from '@nestjs/common';
import type { CachedSession } from '../../cache/cached-session.js';
import { expiryOf } from '../../core/expiry.js';
import type { SessionRecord } from '../../core/session.js';
import { matchesDigest, type ParsedToken, TokenMint } from '../../core/token.js';
import { asBeforeRotation } from '../../core/token-standing.js';
import { CutOffs } from '../../sync/cut-offs.js';
import { KnownSessions } from '../../sync/known-sessions.js';
import { NodeClock } from '../../sync/node-clock.js';
import type { Moment } from '../../sync/session-loader.js';
import { TouchBuffer } from '../../sync/touch-buffer.js';
import { limitedTo, type VouchedCredential, vouchedSessionId, vouchesFor } from '../credential/vouched-session.js';
import { SessionDrift } from '../drift/session-drift.js';
import { RESOLVED_OPTIONS } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { Session } from '../session/session.js';
import { levelRefusals } from './level-refusals.js';
import { demandMeasured, presentedAt } from './presented-at.js';
import { invalid, refusalOf, refused, REFUSALS } from './refusals.js';
import { SecretDoubts } from './secret-doubts.js';
import { type Asked, SessionJudge, type SessionRequirements, UNSETTLED, type WatchedDrift } from './session-judge.js';
import type { SessionVerdict } from './session-verdict.js';
import { TokenRotation } from './token-rotation.js';

const NO_REQUIREMENTS: SessionRequirements = {};

/**
 * Decides whether a credential belongs to a live session, without any framework. A session that this node knows is
 * decided at once, without a promise; only an unknown one, a lapsed lease, a secret that does not match, an idle limit,
 * a strict route or a token that is due for rotation ask the database.
 *
 * The token before a rotation is admitted in its grace, with the rights that it had. Who uses it later has the session
 * ended: somebody else may hold its successor.
 *
 * Idle limits are confirmed by the database, because another node may have seen a later access. A refusal ends nothing.
 *
 * @see OWASP ASVS 5.0 7.2, 7.3
 */
@Injectable()
export class SessionChecker {
  readonly #doubts = new SecretDoubts();
  /** Since the node began: secrets that memory did not confirm, and those of them that were refused unasked. */
  readonly counts = this.#doubts.counts;
  readonly #isStrict: boolean;
  readonly #refusalMs: number;
  readonly #rules: SessionJudge;

  constructor(
    @Inject(KnownSessions) private readonly known: KnownSessions,
    @Inject(TokenMint) private readonly mint: TokenMint,
    @Inject(TouchBuffer) touches: TouchBuffer,
    @Inject(NodeClock) private readonly clock: NodeClock,
    @Inject(CutOffs) cutOffs: CutOffs,
    @Inject(TokenRotation) private readonly rotation: TokenRotation,
    @Inject(SessionDrift) private readonly drift: WatchedDrift,
    @Inject(RESOLVED_OPTIONS) options: Pick<ResolvedOptions, 'strict' | 'refusalMs'>,
  ) {
    this.#isStrict = options.strict;
    this.#refusalMs = options.refusalMs;
    this.#rules = new SessionJudge(touches, cutOffs, drift);
  }

  /**
   * Verifies a token and notes the access. The verdict holds `SESSION_INVALID` for whatever has no right secret, the
   * reason of its end for a session that is over, and `SESSION_STORE_UNAVAILABLE` where the database had to be asked
   * and did not answer. Never rejects.
   */
  verify(
    token: string,
    requirements: SessionRequirements = NO_REQUIREMENTS,
    address: string | null = null,
    userAgent?: string | null,
  ): SessionVerdict | Promise<SessionVerdict> {
    const parsed = this.mint.read(token);
    if (parsed === undefined) return invalid();
    const isStrict = this.#isStrict || requirements.strict === true;
    const entry = isStrict ? undefined : this.known.trusted(parsed.id);
    if (entry !== undefined) {
      const verdict = matchesDigest(parsed.body, entry.record.tokenDigest)
        ? this.#judge(parsed, entry, requirements, address, userAgent)
        : (this.#judgeInGrace(parsed, entry, requirements, address, userAgent) ??
          this.#doubt(parsed, requirements, address, userAgent));
      if (verdict !== undefined) return verdict;
    }
    // What memory had does not settle it: then a load that began before would not either.
    const fresh = isStrict || entry !== undefined;
    return this.#levelled(this.#ask(parsed, requirements, address, userAgent, fresh).catch(refusalOf));
  }

  /**
   * As `verify`, for a session that the application vouches for in place of a secret: see `vouchForSession`. Anything else
   * than what that has given, and the session of another user or tenant, is `SESSION_INVALID`.
   */
  verifyVouched(
    vouched: VouchedCredential,
    requirements: SessionRequirements = NO_REQUIREMENTS,
    address: string | null = null,
    userAgent?: string | null,
  ): SessionVerdict | Promise<SessionVerdict> {
    const id = vouchedSessionId(vouched);
    if (id === undefined) return invalid();
    const isStrict = requirements.strict === true || (this.#isStrict && requirements.isWatch !== true);
    const entry = isStrict ? undefined : this.known.trusted(id);
    const verdict = entry && this.#judgeVouched(vouched, entry, requirements, address, userAgent);
    return (
      verdict ??
      this.#askVouched(vouched, requirements, address, userAgent, isStrict || entry !== undefined).catch(refusalOf)
    );
  }

  async #askVouched(
    vouched: VouchedCredential,
    requirements: SessionRequirements,
    address: string | null,
    userAgent: string | null | undefined,
    fresh: boolean,
  ): Promise<SessionVerdict> {
    const since = this.known.moment();
    const askedAt = this.clock.now();
    const entry = await this.known.load(vouched.sessionId, fresh);
    if (entry === undefined) return invalid();
    const isCurrent = fresh || this.known.isAsOf(entry, since);
    const asked = isCurrent ? { ...requirements, isCurrent } : requirements;
    const verdict = this.#judgeVouched(vouched, entry, asked, address, userAgent);
    if (verdict !== undefined) return this.#settled(verdict, entry);
    if (this.#mayHaveBeenUsed(entry, isCurrent, askedAt)) {
      return this.#askVouched(vouched, requirements, address, userAgent, true);
    }
    return refused(...REFUSALS.expired);
  }

  #judgeVouched(
    vouched: VouchedCredential,
    entry: CachedSession,
    requirements: Asked,
    address: string | null,
    userAgent: string | null | undefined,
  ): SessionVerdict | undefined {
    if (!vouchesFor(vouched, entry.record)) return invalid();
    return this.#judgeAs(limitedTo(vouched, entry.record), entry, requirements, address, userAgent);
  }

  /** A secret that memory does not confirm is no proof: the token may have been rotated elsewhere. */
  #doubt(
    parsed: ParsedToken,
    requirements: SessionRequirements,
    address: string | null,
    userAgent: string | null | undefined,
  ): SessionVerdict | Promise<SessionVerdict> {
    if (!this.mint.isGenuine(parsed)) return invalid();
    const asked = this.#doubts.settle(() => this.#ask(parsed, requirements, address, userAgent, true));
    return asked instanceof Promise ? this.#levelled(asked) : asked;
  }

  /** So that the time of a refusal tells no more than its text. */
  #levelled(asked: Promise<SessionVerdict>): Promise<SessionVerdict> {
    return this.#refusalMs === 0 ? asked : levelRefusals(asked, this.#refusalMs);
  }

  /** Asks the primary: a new load, so that neither a rotation nor a later access elsewhere is missed. */
  async #ask(
    parsed: ParsedToken,
    requirements: SessionRequirements,
    address: string | null,
    userAgent: string | null | undefined,
    fresh: boolean,
    mayRotate = true,
    // Who came in the grace is in it, however long the database takes.
    presented = this.known.moment(),
  ): Promise<SessionVerdict> {
    if (!this.mint.isGenuine(parsed)) return invalid();
    const since = this.known.moment();
    const askedAt = this.clock.now();
    const entry = await this.known.load(parsed.id, fresh);
    const standing = this.rotation.standingOf(
      parsed,
      entry?.record,
      presentedAt(presented, this.known.moment(), this.clock.now()),
    );
    if (entry === undefined) return invalid();
    // What other nodes tell, or a load that had begun before, may lack a rotation or a later access.
    const isCurrent = fresh || this.known.isAsOf(entry, since);
    if (standing === 'unknown' || standing === 'reused') {
      if (!isCurrent) return this.#ask(parsed, requirements, address, userAgent, true, mayRotate, presented);
      if (standing === 'reused') {
        demandMeasured(presented, this.known.moment());
        await this.rotation.endReused(entry.record);
      }
      return invalid();
    }
    const asked = isCurrent ? { ...requirements, isCurrent } : requirements;
    const verdict =
      standing === 'current'
        ? await this.#judge(parsed, entry, asked, address, userAgent, mayRotate, presented)
        : this.#judgePrevious(parsed, entry, asked, address, userAgent);
    if (verdict !== undefined) return await this.#settled(verdict, entry);
    if (this.#mayHaveBeenUsed(entry, isCurrent, askedAt)) {
      return this.#ask(parsed, requirements, address, userAgent, true, mayRotate, presented);
    }
    return refused(...REFUSALS.expired);
  }

  /** What was not idle when it was asked for may have been used elsewhere while the answer was on its way. */
  #mayHaveBeenUsed(entry: CachedSession, isCurrent: boolean, askedAt: number): boolean {
    return !isCurrent || expiryOf(entry.record, entry.lastAccessedAt, askedAt) === 'none';
  }

  /** `undefined` where only the database can tell. */
  #judge(
    token: ParsedToken,
    entry: CachedSession,
    requirements: Asked,
    address: string | null,
    userAgent: string | null | undefined,
    mayRotate = true,
    presented?: Moment,
  ): SessionVerdict | Promise<SessionVerdict> | undefined {
    const { record } = entry;
    const now = this.clock.now();
    const refusal = this.#rules.judge(record, entry, requirements, address, userAgent, now);
    if (refusal !== undefined) return refusal === UNSETTLED ? undefined : refusal;
    const admitted = (entry.view ??= { session: new Session(record, entry) }) as SessionVerdict;
    if (mayRotate && requirements.deliversSuccessor === true && this.rotation.isDue(record, now)) {
      const since = presented ?? this.known.moment();
      return this.#rotate(token, entry, admitted, requirements, address, userAgent, since).catch(refusalOf);
    }
    return admitted;
  }

  /** Where memory has the token as the previous one, in its grace; anything else is the database's to say. */
  #judgeInGrace(
    token: ParsedToken,
    entry: CachedSession,
    requirements: Asked,
    address: string | null,
    userAgent: string | null | undefined,
  ): SessionVerdict | undefined {
    if (entry.record.previous === null) return undefined;
    const isInGrace = this.rotation.standingOf(token, entry.record, this.clock.now()) === 'previous';
    return isInGrace ? this.#judgePrevious(token, entry, requirements, address, userAgent) : undefined;
  }

  /** As `#judge`, for the rights that the previous token had. */
  #judgePrevious(
    token: ParsedToken,
    entry: CachedSession,
    requirements: Asked,
    address: string | null,
    userAgent: string | null | undefined,
  ): SessionVerdict | undefined {
    const verdict = this.#judgeAs(asBeforeRotation(entry.record), entry, requirements, address, userAgent);
    if (verdict?.session === undefined || requirements.deliversSuccessor !== true) return verdict;
    return { session: verdict.session, successor: this.rotation.successorOf(token, entry.record) };
  }

  /** As `#judge`, for the rights that `record` says. There is nothing to rotate. */
  #judgeAs(
    record: SessionRecord,
    entry: CachedSession,
    requirements: Asked,
    address: string | null,
    userAgent: string | null | undefined,
  ): SessionVerdict | undefined {
    const refusal = this.#rules.judge(record, entry, requirements, address, userAgent, this.clock.now());
    if (refusal !== undefined) return refusal === UNSETTLED ? undefined : refusal;
    return { session: new Session(record, entry) };
  }

  /** Rotates a token that is due and was admitted. Where that fails, the token stays good. */
  async #rotate(
    token: ParsedToken,
    entry: CachedSession,
    admitted: SessionVerdict,
    requirements: Asked,
    address: string | null,
    userAgent: string | null | undefined,
    presented: Moment,
  ): Promise<SessionVerdict> {
    let rotated: SessionRecord | undefined;
    try {
      rotated = await this.rotation.rotate(token, entry.record);
    } catch {
      return admitted;
    }
    const successor = rotated && this.rotation.successorOf(token, rotated);
    if (rotated !== undefined && successor !== undefined) return { session: new Session(rotated, entry), successor };
    // Another node was faster, or the session is no longer what memory had: only the database can tell.
    return this.#ask(token, requirements, address, userAgent, true, false, presented);
  }

  /** A verdict, once the end of the session that it may tell of is durable. */
  async #settled(verdict: SessionVerdict, { record }: CachedSession): Promise<SessionVerdict> {
    await this.drift.ending(record.id);
    return verdict;
  }
}
