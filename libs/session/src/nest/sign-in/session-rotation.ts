import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { IdentitySessionError } from '../../core/errors.js';
import { ASSURANCE_LEVELS, type AssuranceLevel, type SessionRecord } from '../../core/session.js';
import { TokenMint } from '../../core/token.js';
import type { SessionStore } from '../../store/session-store.js';
import { KnownSessions } from '../../sync/known-sessions.js';
import { TouchBuffer } from '../../sync/touch-buffer.js';
import { incomplete, suspended } from '../check/refusals.js';
import type { SessionCarrier } from '../guard/carrier.js';
import { clientAddress } from '../http/client-address.js';
import { RESOLVED_OPTIONS, SESSION_STORE } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { Session } from '../session/session.js';
import { oneOf, userAgentOf } from './admission-builder.js';
import { ClientDelivery } from './client-delivery.js';
import { notFound } from './not-found.js';
import { requestContext } from './request-context.js';
import { recordsOf, SessionWriter } from './session-writer.js';
import type { SessionExchange } from './sign-in.js';

/** How a token is to be rotated, and where the new one goes. */
export interface RotationExchange extends SessionExchange {
  readonly reason: string;
  /** The user has proved again who they are: both limits of freshness move. */
  readonly reauthenticated?: boolean;
  readonly assurance?: AssuranceLevel;
}

export interface RotationResult {
  readonly session: Session;
  /** The only copy: for the client, and for nothing else. */
  readonly token: string;
}

/** Gives a session a new token; see `SessionService`, which hooks are asked by. */
@Injectable()
export class SessionRotation {
  constructor(
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(SessionWriter) private readonly writer: SessionWriter,
    @Inject(KnownSessions) private readonly known: KnownSessions,
    @Inject(TouchBuffer) private readonly touches: TouchBuffer,
    @Inject(TokenMint) private readonly mint: TokenMint,
    @Inject(ClientDelivery) private readonly client: ClientDelivery,
    @Inject(RESOLVED_OPTIONS) private readonly options: Pick<ResolvedOptions, 'drift' | 'trustProxyHops'>,
  ) {}

  /** @throws as `SessionService.rotate` does */
  async rotate(session: Session, exchange: RotationExchange, keepsPrevious: boolean): Promise<RotationResult> {
    const { assurance } = exchange;
    const raised = assurance === undefined ? {} : { assurance: oneOf(ASSURANCE_LEVELS, assurance, 'assurance') };
    const current = await this.writer.read(exchange.manager, session.id);
    if (current === undefined) throw notFound();
    if (current.status === 'suspended') throw suspended();
    if (current.status === 'pending') throw incomplete(current.pending);
    // Who was admitted by the token from before a step-up must not get what the step-up has brought.
    if (isOutdated(session, current) && !(exchange.reauthenticated === true && assurance !== undefined)) {
      throw new IdentitySessionError(
        'SESSION_NOT_FRESH',
        'The user has authenticated anew since the request was admitted. Repeat it with the new token.',
      );
    }
    const reauthenticatedBy =
      exchange.reauthenticated === true ? (exchange.request as SessionCarrier | undefined) : undefined;
    const generation = current.tokenGeneration;
    const { token, digest } = this.mint.mint(session.id, generation + 1);
    const rotation = {
      id: session.id,
      fromGeneration: generation,
      tokenDigest: digest,
      reauthenticated: exchange.reauthenticated ?? false,
      ...raised,
      ...(reauthenticatedBy === undefined ? {} : { from: { userAgent: userAgentOf(reauthenticatedBy) } }),
      ...(keepsPrevious ? { previous: { hasSuccessor: false } } : {}),
    };
    let settling: Promise<void> | undefined;
    const context = requestContext(exchange, this.options.trustProxyHops);
    const note = { reason: exchange.reason, by: session.userId, ...context };
    const record = await this.writer.write(
      exchange.manager,
      (store) => store.rotate(rotation, note),
      recordsOf,
      (rotated) => {
        if (rotated === undefined) return;
        this.writer.counts.rotations += 1;
        this.client.deliver(exchange, token, rotated, true);
        if (reauthenticatedBy !== undefined) settling = this.#settle(rotated, reauthenticatedBy);
      },
    );
    if (record === undefined) throw await this.#refusal(exchange.manager, session.id);
    await settling;
    return { session: new Session(record), token };
  }

  /** Why nothing was rotated that could be a moment before. */
  async #refusal(manager: EntityManager | undefined, id: string): Promise<IdentitySessionError> {
    const found = await this.writer.read(manager, id);
    return found?.status === 'suspended' ? suspended() : notFound();
  }

  /**
   * Where the user has authenticated again is where the session is from then on. Beside the rotation, since addresses are
   * the touches' to write; if it fails, so may a request from there, and the next touch mends it.
   */
  async #settle({ id, lastAccessedAt }: SessionRecord, request: SessionCarrier): Promise<void> {
    const ip = clientAddress(request, this.options.trustProxyHops);
    if (this.options.drift.address === 'ignore' || ip === null) return;
    await this.store.touchMany([{ id, at: lastAccessedAt, ip }]).catch(() => undefined);
    const entry = this.known.trusted(id);
    if (entry !== undefined) this.touches.touch(entry, lastAccessedAt, ip);
  }
}

/** Whether the request was admitted with rights from before the last step-up. */
function isOutdated(session: Session, current: SessionRecord): boolean {
  const isOlder = session.authenticatedAt.getTime() < Math.floor(current.authenticatedAt);
  return isOlder || session.assurance !== current.assurance;
}
