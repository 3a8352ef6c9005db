import { Inject, Injectable } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';
import { isLive } from '../../core/lifecycle.js';
import type { SessionRecord } from '../../core/session.js';
import { newSessionId, systemTokenSource, TokenMint } from '../../core/token.js';
import type { SessionStore } from '../../store/session-store.js';
import { keepsUndo, LONGEST_UNDO_MS, type Restoration, type RestoreOutcome } from '../../store/session-undo.js';
import { NodeClock } from '../../sync/node-clock.js';
import { undoRefused, undoUnsupported } from '../admin/undo-refusals.js';
import { levelRefusals } from '../check/level-refusals.js';
import { invalid, refusalOf, refusedAs } from '../check/refusals.js';
import type { SessionVerdict } from '../check/session-verdict.js';
import { TokenRotation } from '../check/token-rotation.js';
import { RequestCredentials } from '../credential/request-credentials.js';
import type { SessionCarrier } from '../guard/carrier.js';
import { SessionHookRunner } from '../hooks/session-hook-runner.js';
import { RESOLVED_OPTIONS } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { Session } from '../session/session.js';
import { SignInRulebook } from '../settings/sign-in-rules.js';
import { ClientDelivery } from './client-delivery.js';
import { ConcurrentLoginStrategyService } from './concurrent-login-strategy.service.js';
import { ticketsOf } from './policy-tickets.js';
import { requestContext } from './request-context.js';
import { withUnknownRoles } from './session-activation.js';
import { SessionWriter } from './session-writer.js';
import { SignInListeners } from './sign-in-listeners.js';
import { limitReached } from './sign-in-outcome.js';
import type { RestorationExchange, SignInInput, SignInResult } from './sign-in.js';

/** Gives whoever holds the token of a revoked session a new one in its place, where an administrator has permitted it. */
@Injectable()
export class SessionRestoration {
  constructor(
    @Inject(SessionWriter) private readonly writer: SessionWriter,
    @Inject(RequestCredentials) private readonly credentials: RequestCredentials,
    @Inject(ClientDelivery) private readonly client: ClientDelivery,
    @Inject(TokenMint) private readonly mint: TokenMint,
    @Inject(TokenRotation) private readonly rotation: TokenRotation,
    @Inject(NodeClock) private readonly clock: NodeClock,
    @Inject(ConcurrentLoginStrategyService) private readonly strategy: ConcurrentLoginStrategyService,
    @Inject(SignInRulebook) private readonly rulebook: SignInRulebook,
    @Inject(SignInListeners) private readonly signIns: SignInListeners,
    @Inject(SessionHookRunner) private readonly hooks: SessionHookRunner,
    @Inject(RESOLVED_OPTIONS)
    private readonly options: Pick<
      ResolvedOptions,
      'undo' | 'trustProxyHops' | 'refusalMs' | 'questionLifetimeMs' | 'codecs'
    >,
  ) {}

  /** As `SessionService.restore`. */
  async restore(exchange: RestorationExchange): Promise<SignInResult> {
    const { manager, roles } = exchange;
    const request = exchange.request as SessionCarrier;
    const { old, presentedDigest } = await this.#presented(request, exchange);
    const { tenantId, userId, clientId, deviceType, deviceId, rememberMe } = old;
    const facts = { tenantId, userId, clientId, deviceType, deviceId };
    const policy = await this.strategy.configuredPolicyFor(
      roles === undefined ? withUnknownRoles(facts) : { ...facts, roles },
    );
    const context = { request, manager, facts, ip: old.lastIp, replaces: null, restoredFrom: old.id };
    if (!this.hooks.isEmpty) await this.hooks.before('beforeSignIn', inputOf(old, roles), context);
    const terms = this.rulebook.termsFor(policy, clientId, rememberMe);
    const { ticket, ...tickets } = ticketsOf(exchange.answer, this.options);
    const id = newSessionId(systemTokenSource, this.clock.now());
    const { token, digest: tokenDigest } = this.mint.mint(id, 0);
    const restoration: Restoration = {
      ...{ id, from: old.id, facts, presentedDigest, tokenDigest, ...terms([]), terms },
      ...{ ...tickets, context: requestContext(exchange, this.options.trustProxyHops) },
    };
    const outcome = await this.writer.write(
      manager,
      (store) => undoingStore(store).restore(restoration),
      changedOf,
      (done) => {
        if (done.kind !== 'restored') return;
        this.signIns.tell(request, done.session);
        this.client.deliver(exchange, token, done.session, true);
        if (!this.hooks.isEmpty) this.hooks.after('afterSignIn', new Session(done.session), context);
      },
    );
    switch (outcome.kind) {
      case 'restored':
        return { session: new Session(outcome.session), token, evicted: outcome.evicted.map((one) => one.id) };
      case 'refused':
        if (outcome.reason === 'unknown') throw refused(invalid());
        throw outcome.reason === 'not_undone' ? refused(refusedAs(old)) : undoRefused(outcome.reason);
      default:
        throw limitReached(outcome, ticket, this.options.codecs.id);
    }
  }

  /** The revoked session whose current token the request presents. */
  async #presented(
    request: SessionCarrier,
    { manager }: RestorationExchange,
  ): Promise<{ readonly old: SessionRecord; readonly presentedDigest: Uint8Array }> {
    const credential = this.credentials.of(request);
    if (credential === undefined) throw new IdentitySessionError('SESSION_MISSING', 'No session was presented.');
    // Nobody but who has held the secret may have its successor.
    const parsed = credential.kind === 'vouched' ? undefined : this.mint.read(credential.token);
    if (parsed === undefined || !this.mint.isGenuine(parsed)) throw refused(invalid());
    let found: SessionRecord | undefined;
    const look = async (): Promise<SessionVerdict> => {
      const record = await this.writer.read(manager, parsed.id);
      const standing = this.rotation.standingOf(parsed, record, this.clock.now());
      if (record === undefined || standing !== 'current') return invalid();
      found = record;
      return { session: new Session(record) };
    };
    // As elsewhere: the time of a refusal tells no more than its text.
    const verdict = await levelRefusals(look().catch(refusalOf), this.options.refusalMs);
    if (verdict.error !== undefined) throw verdict.error;
    if (found === undefined) throw refused(invalid());
    if (isLive(found.status)) throw undoRefused('not_undoable');
    const isOld = (found.endedAt ?? 0) + LONGEST_UNDO_MS <= this.clock.now();
    if (this.options.undo.windowMs === 0 || found.status !== 'revoked' || isOld) throw refused(refusedAs(found));
    return { old: found, presentedDigest: found.tokenDigest };
  }
}

function undoingStore(store: SessionStore) {
  if (keepsUndo(store)) return store;
  throw undoUnsupported();
}

function refused({ error }: { readonly error: IdentitySessionError }): IdentitySessionError {
  return error;
}

/** Without the revoked one: it had ended before, and nothing that anybody holds of it has changed. */
function changedOf(outcome: RestoreOutcome): readonly SessionRecord[] {
  return outcome.kind === 'restored' ? [...outcome.ended, ...outcome.evicted, outcome.session] : outcome.ended;
}

/** The session as a sign-in would ask for it: what hooks look at. */
function inputOf(old: SessionRecord, roles: readonly string[] | undefined): SignInInput {
  const { userId, tenantId, clientId, deviceType, deviceId, deviceName, userAgent, lastIp } = old;
  const { rememberMe, assurance, data } = old;
  const device = { deviceType, deviceId, deviceName, userAgent, ip: lastIp };
  return {
    userId,
    tenantId,
    clientId,
    ...device,
    rememberMe,
    assurance,
    data,
    ...(roles === undefined ? {} : { roles }),
  };
}
