import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { IdentitySessionError } from '../../core/errors.js';
import { isLive } from '../../core/lifecycle.js';
import type { AssuranceLevel } from '../../core/session.js';
import { isSessionId, TokenMint } from '../../core/token.js';
import { type ChangeContext, contextOf } from '../../store/change-context.js';
import { EVERYBODY, type ChangeNote, type SessionScope, type SessionStore } from '../../store/session-store.js';
import { storableText } from '../../store/storable-text.js';
import { KnownSessions } from '../../sync/known-sessions.js';
import { NodeClock } from '../../sync/node-clock.js';
import { TouchBuffer } from '../../sync/touch-buffer.js';
import { suspended } from '../check/refusals.js';
import { TokenRotation } from '../check/token-rotation.js';
import { RequestCredentials } from '../credential/request-credentials.js';
import type { SessionCarrier } from '../guard/carrier.js';
import { HookedOperations } from '../hooks/hooked-operations.js';
import type { SessionChange } from '../hooks/session-hooks.js';
import { SessionHookRunner } from '../hooks/session-hook-runner.js';
import { RESOLVED_OPTIONS, SESSION_STORE } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { withBufferedAccess } from '../session/buffered-session.js';
import { Session } from '../session/session.js';
import { AdmissionBuilder, MAX_DEVICE_NAME_LENGTH } from './admission-builder.js';
import { ClientDelivery } from './client-delivery.js';
import { notFound } from './not-found.js';
import { requestContext } from './request-context.js';
import { PresentedSession } from './presented-session.js';
import { SessionActivation } from './session-activation.js';
import { SessionRestoration } from './session-restoration.js';
import { type RotationExchange, type RotationResult, SessionRotation } from './session-rotation.js';
import { recordsOf, SessionWriter } from './session-writer.js';
import { SignInListeners } from './sign-in-listeners.js';
import { changedBy, limitReached } from './sign-in-outcome.js';
import type {
  CompletionExchange,
  CompletionResult,
  RestorationExchange,
  SessionExchange,
  SignInInput,
  SignInResult,
} from './sign-in.js';

const MOST_OWN_SESSIONS = 1_000;

/** Whose sessions: a `Session` of the user will do. */
export interface SessionOwner {
  readonly userId: string;
  readonly tenantId: string | null;
}

/** What a signed-in user does with their own sessions: in, out, see, name, rotate. */
@Injectable()
export class SessionService {
  readonly #presented: PresentedSession;
  readonly #hooked: HookedOperations;

  constructor(
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(SessionWriter) private readonly writer: SessionWriter,
    @Inject(KnownSessions) private readonly known: KnownSessions,
    @Inject(TouchBuffer) private readonly touches: TouchBuffer,
    @Inject(AdmissionBuilder) private readonly builder: AdmissionBuilder,
    @Inject(TokenMint) mint: TokenMint,
    @Inject(RequestCredentials) credentials: RequestCredentials,
    @Inject(ClientDelivery) private readonly client: ClientDelivery,
    @Inject(SessionRotation) private readonly rotation: SessionRotation,
    @Inject(TokenRotation) scheduled: TokenRotation,
    @Inject(NodeClock) clock: NodeClock,
    @Inject(SignInListeners) private readonly signIns: SignInListeners,
    @Inject(SessionActivation) private readonly activation: SessionActivation,
    @Inject(SessionRestoration) private readonly restoration: SessionRestoration,
    @Inject(SessionHookRunner) private readonly hooks: SessionHookRunner,
    @Inject(RESOLVED_OPTIONS) private readonly options: Pick<ResolvedOptions, 'rotation' | 'trustProxyHops' | 'codecs'>,
  ) {
    this.#hooked = new HookedOperations(hooks, writer);
    this.#presented = new PresentedSession(writer, credentials, mint, scheduled, clock);
  }

  /**
   * Signs a user in whose credentials the application has verified: decides by the policy, serialised with every other
   * sign-in of the user on all nodes, and makes the session. A session that the request presents is replaced: its
   * token is dead and it holds no slot. Nothing ends where the sign-in is refused.
   *
   * @throws IdentitySessionError `SESSION_LIMIT_REACHED` where the policy rejects or asks (then `details.extensions`
   * has the live `sessions` and a one-time `ticket`), `VALIDATION_FAILED`, `SESSION_STORE_UNAVAILABLE`, and
   * `ISOLATION_LEVEL` in a caller's transaction that is not READ COMMITTED
   */
  async signIn(input: SignInInput, exchange: SessionExchange = {}): Promise<SignInResult> {
    const request = exchange.request as SessionCarrier | undefined;
    const presented = request === undefined ? undefined : await this.#presented.of(request, exchange.manager);
    const replaced = presented?.record !== undefined && isLive(presented.record.status) ? presented.record.id : null;
    const prepared = await this.builder.prepare(input, request, replaced, exchange);
    const { facts, ip } = prepared.admission;
    const context = { request, manager: exchange.manager, facts, ip, replaces: replaced };
    if (!this.hooks.isEmpty) await this.hooks.before('beforeSignIn', input, context);
    const outcome = await this.writer.write(
      exchange.manager,
      (store) => store.admit(prepared.admission),
      changedBy,
      (done) => {
        if (done.kind !== 'admitted') return;
        if (done.session.status === 'active') this.signIns.tell(request, done.session);
        this.client.deliver(exchange, prepared.token, done.session, false);
        if (!this.hooks.isEmpty) this.hooks.after('afterSignIn', new Session(done.session), context);
      },
    );
    if (outcome.kind !== 'admitted') throw limitReached(outcome, prepared.ticket, this.options.codecs.id);
    const { session, evicted } = outcome;
    return { session: new Session(session), token: prepared.token, evicted: evicted.map((record) => record.id) };
  }

  /**
   * Gives whoever presents the current token of a revoked session a new one in its place, once, where an administrator has
   * undone the revocation (`SessionAdminService.undo`) and nothing has changed since: of the same user on the same device,
   * with the same data and assurance and no more time than the old one had. Admitted by the policy, as a sign-in. The token
   * goes back the way that the old one came. If the answer is lost the permit is used up, and the user signs in again.
   *
   * @throws IdentitySessionError `UNDO_REFUSED` where it may not be restored any more; what `SessionChecker` says of the old
   * session where nobody has undone its end; `SESSION_MISSING`, `SESSION_INVALID`, `SESSION_LIMIT_REACHED` as `signIn`;
   * `VALIDATION_FAILED` where the policy needs roles that are not given
   */
  restore(exchange: RestorationExchange): Promise<SignInResult> {
    return this.restoration.restore(exchange);
  }

  /**
   * Takes a pending session a step on: notes what has been met, and where nothing is missing any more makes it active, by
   * the policy as a sign-in. Its token is replaced then, the old one is dead at once; its lifetimes begin, and the user
   * counts as authenticated from then on. Approvers complete nothing: after the last approval the client calls this.
   *
   * @throws IdentitySessionError `SESSION_NOT_FOUND` for one that is over, `ILLEGAL_TRANSITION` for one that is active,
   * `SESSION_SUSPENDED`; `VALIDATION_FAILED` for a requirement that it has not, `FORBIDDEN` for one that needs approval;
   * `SESSION_LIMIT_REACHED` where the policy rejects or asks, as `signIn`: what was met stays met, and the session pending
   */
  complete(session: Session, exchange: CompletionExchange = {}): Promise<CompletionResult> {
    const take = () =>
      this.activation.take(session, exchange, (token, active) => {
        this.signIns.tell(exchange.request as SessionCarrier | undefined, active);
        this.client.deliver(exchange, token, active, true);
      });
    return this.#changing('complete', session, 'completed', exchange, take);
  }

  /**
   * Gives a pending session up: it ends as `rejected`.
   * @throws IdentitySessionError `SESSION_NOT_FOUND` for one that is over, `ILLEGAL_TRANSITION` for one that is active,
   * `SESSION_SUSPENDED`
   */
  reject(session: Pick<Session, 'id'>, input: ChangeNote & { readonly manager?: EntityManager }): Promise<Session> {
    const target = { ...input, id: session.id, scope: EVERYBODY, manager: input.manager };
    return this.#hooked.endById('reject', target, () => this.activation.reject(session.id, input));
  }

  /**
   * Ends the session that the request presents, clears its cookie and asks the browser to forget what it holds. A
   * session that is over already is signed out as well: the answer is the same.
   * @throws IdentitySessionError `SESSION_MISSING` without a credential, `SESSION_INVALID` for one without right secret
   */
  async signOut(exchange: SessionExchange): Promise<void> {
    await this.endPresented(exchange);
  }

  /**
   * As `signOut`, and tells whether there was anything left to end.
   * @throws as `signOut` does
   */
  async endPresented(exchange: SessionExchange): Promise<boolean> {
    const presented = await this.#presented.of(exchange.request as SessionCarrier, exchange.manager);
    if (presented === undefined) throw new IdentitySessionError('SESSION_MISSING', 'No session was presented.');
    const { credential, record } = presented;
    if (record === undefined) {
      this.client.forget(exchange, credential);
      throw new IdentitySessionError('SESSION_INVALID', 'The session is not valid.');
    }
    const { id, userId } = record;
    const isHooked = !this.hooks.isEmpty && isLive(record.status);
    const context = { request: exchange.request, manager: exchange.manager };
    if (isHooked) await this.hooks.before('beforeSignOut', new Session(record), context);
    await this.touches.flushOne(id);
    const ended = await this.writer.write(
      exchange.manager,
      (store) => store.end({ kind: 'all' }, id, 'signed_out', this.#noteOf('signed_out', userId, exchange)),
      recordsOf,
      // Only then: who is told that it failed needs the cookie to try again.
      (signedOut) => {
        this.client.forget(exchange, credential);
        if (isHooked && signedOut !== undefined) this.hooks.after('afterSignOut', new Session(signedOut), context);
      },
    );
    // Somebody was first, and the log may not have told yet: nothing of before that end is believed here any more.
    if (ended === undefined) this.known.forget([{ ...record, version: record.version + 1 }]);
    return ended !== undefined;
  }

  /**
   * Gives the session a new token and delivers it the way the old one came; the old one is dead at once. To be called
   * when rights or credentials change.
   * @throws IdentitySessionError `SESSION_NOT_FOUND` where the session has ended or was rotated meanwhile,
   * `SESSION_SUSPENDED`, `SESSION_PENDING` where `complete` is to be called, `SESSION_NOT_FRESH` where the user has stepped up since the request was admitted, `VALIDATION_FAILED` for an unknown
   * level of assurance
   */
  rotate(session: Session, exchange: RotationExchange): Promise<RotationResult> {
    const rotate = () => this.rotation.rotate(session, exchange, false);
    return this.#changing('rotate', session, exchange.reason, exchange, rotate);
  }

  /**
   * A stronger sign-in on the same session: raises its assurance, makes it fresh and rotates its token. For requests that
   * are on their way, the old token lives through `rotation.graceMs` with the rights that it had.
   * @throws as `rotate` does
   */
  elevate(
    session: Session,
    exchange: SessionExchange & { readonly assurance: AssuranceLevel },
  ): Promise<RotationResult> {
    const keepsPrevious = this.options.rotation.graceMs > 0;
    const elevation = { ...exchange, reason: 'elevated', reauthenticated: true };
    const elevate = () => this.rotation.rotate(session, elevation, keepsPrevious);
    return this.#changing('elevate', session, elevation.reason, exchange, elevate);
  }

  /** A session, live or ended, from the database. */
  async find(id: string): Promise<Session | undefined> {
    if (!isSessionId(id)) return undefined;
    const entry = await this.known.load(id, true);
    return entry === undefined ? undefined : new Session(entry.record, entry);
  }

  /** The live sessions of a user, newest first, at most 1 000. */
  async list({ userId, tenantId }: SessionOwner): Promise<Session[]> {
    const scope: SessionScope = { kind: 'user', userId, tenantId };
    const page = { limit: MOST_OWN_SESSIONS, descending: true, after: null };
    return (await this.store.list({ scope, status: 'live' }, page)).map((record) =>
      withBufferedAccess(record, this.touches),
    );
  }

  /**
   * Names the device of one of the user's own live sessions; at most 100 characters are kept.
   * @throws IdentitySessionError `SESSION_NOT_FOUND` for a session of somebody else, as for an unknown one,
   * `SESSION_SUSPENDED`
   */
  async name(
    { userId, tenantId }: SessionOwner,
    id: string,
    deviceName: string,
    manager?: EntityManager,
    context: ChangeContext = {},
  ): Promise<Session> {
    if (!isSessionId(id)) throw notFound();
    const name = storableText(deviceName, MAX_DEVICE_NAME_LENGTH);
    const scope: SessionScope = { kind: 'user', userId, tenantId };
    const note = { reason: 'renamed', by: userId, ...contextOf(context) };
    return this.#hooked.changeById('rename', { id, scope, manager, ...note }, async () => {
      const record = await this.writer.write(manager, (store) => store.rename(scope, id, name, note), recordsOf);
      if (record !== undefined) return withBufferedAccess(record, this.touches);
      const found = await this.writer.read(manager, id);
      const isOwn = found?.userId === userId && found.tenantId === tenantId;
      throw isOwn && found.status === 'suspended' ? suspended() : notFound();
    });
  }

  #changing<T extends { readonly session: Session }>(
    kind: SessionChange['kind'],
    session: Session,
    reason: string,
    { request, manager }: SessionExchange,
    run: () => Promise<T>,
  ): Promise<T> {
    const change = { kind, session, reason, by: session.userId };
    return this.#hooked.change(change, { request, manager }, run, (result) => result.session);
  }

  /** With the address of the request that asks, where there is one. */
  #noteOf(reason: string, by: string, exchange: SessionExchange): ChangeNote {
    return { reason, by, ...requestContext(exchange, this.options.trustProxyHops) };
  }
}
