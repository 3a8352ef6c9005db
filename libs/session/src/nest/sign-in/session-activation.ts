import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { IdentitySessionError } from '../../core/errors.js';
import { missingRequirements, type UnmetReason } from '../../core/pending.js';
import { ASSURANCE_LEVELS, type SessionFacts, type SessionRecord } from '../../core/session.js';
import { TokenMint } from '../../core/token.js';
import type { ActivateOutcome, Activation, Meeting } from '../../store/session-activation.js';
import type { ChangeContext } from '../../store/change-context.js';
import { EVERYBODY, type ChangeNote, type SessionScope, type SessionStore } from '../../store/session-store.js';
import { storableIdentifier } from '../../store/storable-text.js';
import { suspended } from '../check/refusals.js';
import { RESOLVED_OPTIONS } from '../module/tokens.js';
import type { PolicyContext } from '../options/identity-session-options.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { Session } from '../session/session.js';
import { SignInRulebook } from '../settings/sign-in-rules.js';
import { oneOf } from './admission-builder.js';
import { ConcurrentLoginStrategyService } from './concurrent-login-strategy.service.js';
import { notFound } from './not-found.js';
import { ticketsOf } from './policy-tickets.js';
import { requestContext } from './request-context.js';
import { recordsOf, SessionWriter } from './session-writer.js';
import { changedBy, limitReached } from './sign-in-outcome.js';
import type { CompletionExchange, CompletionResult, SignInInput } from './sign-in.js';

type Activated = Extract<ActivateOutcome, { kind: 'activated' }>;

/** How sessions come to hold a slot that had none: pending ones step by step, and suspended ones that gave theirs up. */
@Injectable()
export class SessionActivation {
  constructor(
    @Inject(SessionWriter) private readonly writer: SessionWriter,
    @Inject(ConcurrentLoginStrategyService) private readonly strategy: ConcurrentLoginStrategyService,
    @Inject(SignInRulebook) private readonly rulebook: SignInRulebook,
    @Inject(TokenMint) private readonly mint: TokenMint,
    @Inject(RESOLVED_OPTIONS)
    private readonly options: Pick<ResolvedOptions, 'questionLifetimeMs' | 'trustProxyHops' | 'codecs'>,
  ) {}

  /**
   * Notes that somebody has met a requirement. `undefined` where there is no pending session with the id in scope.
   * @throws IdentitySessionError `VALIDATION_FAILED` for a requirement that the session has not, `FORBIDDEN` for who is
   * none of its approvers, `ILLEGAL_TRANSITION` out of sequence
   */
  async meet(
    manager: EntityManager | undefined,
    scope: SessionScope,
    meeting: Meeting,
  ): Promise<SessionRecord | undefined> {
    const by = meeting.by === null ? null : storableIdentifier(meeting.by, 'by');
    const outcome = await this.writer.write(
      manager,
      (store) => store.meet(scope, { ...meeting, by }),
      (met) => (met?.kind === 'met' ? [met.session] : []),
    );
    if (outcome?.kind === 'refused') throw unmet(outcome.reason, meeting.requirement);
    return outcome?.session;
  }

  /** As `SessionService.complete`; `done` runs once an activation is durable. */
  async take(
    { id, tenantId, userId }: Session,
    { requirement, manager, assurance, ...exchange }: CompletionExchange,
    done: (token: string, session: SessionRecord) => void,
  ): Promise<CompletionResult> {
    const raised = assurance === undefined ? {} : { assurance: oneOf(ASSURANCE_LEVELS, assurance, 'assurance') };
    const by = exchange.by === undefined ? userId : exchange.by;
    const context = requestContext(exchange, this.options.trustProxyHops);
    const met =
      requirement === undefined
        ? undefined
        : await this.meet(manager, EVERYBODY, {
            ...{ id, requirement, by, isApproval: false, ...raised, ...context },
            // Here both steps are one transaction.
            ...(manager === undefined ? {} : { subject: { tenantId, userId } }),
          });
    const record = met ?? (await this.writer.read(manager, id));
    if (record?.status !== 'pending') throw notPending(record);
    // Nothing can be met of what has run out, though nobody has ended it yet.
    if (requirement !== undefined && met === undefined) throw notFound();
    const missing = missingRequirements(record.pending);
    if (missing.length > 0) return { session: new Session(record), token: null, missing, evicted: [] };
    const { token, outcome } = await this.#complete(manager, record, exchange.answer, context, done);
    const evicted = outcome.evicted.map((one) => one.id);
    return { session: new Session(outcome.session), token, missing, evicted };
  }

  /** As `SessionService.reject`. */
  async reject(
    id: string,
    { manager, ...note }: ChangeNote & { readonly manager?: EntityManager | undefined },
  ): Promise<Session> {
    const end = (store: SessionStore) => store.end(EVERYBODY, id, 'rejected', note);
    const record = await this.writer.write(manager, end, recordsOf);
    if (record === undefined) throw notPending(await this.writer.read(manager, id));
    return new Session(record);
  }

  /**
   * Makes a pending session active of which nothing is missing, with a new token.
   * @throws IdentitySessionError `SESSION_LIMIT_REACHED` where the policy rejects or asks; it stays pending then, and what
   * was met stays met
   */
  async #complete(
    manager: EntityManager | undefined,
    record: SessionRecord,
    answer: SignInInput['answer'],
    context: ChangeContext,
    done: (token: string, session: SessionRecord) => void,
  ): Promise<{ readonly token: string; readonly outcome: Activated }> {
    const { ticket, ...tickets } = ticketsOf(answer, this.options);
    const generation = record.tokenGeneration;
    const { token, digest } = this.mint.mint(record.id, generation + 1);
    const completes = { fromGeneration: generation, tokenDigest: digest };
    const activation = await this.#activationOf(record, EVERYBODY, record.pending?.roles ?? []);
    const note = { reason: 'completed', by: record.userId, ...context };
    const outcome = await this.writer.write(
      manager,
      (store) => store.activate({ ...activation, ...tickets, completes }, note),
      changedOf,
      (activated) => {
        if (activated.kind === 'activated') done(token, activated.session);
      },
    );
    if (outcome.kind === 'activated') return { token, outcome };
    if (outcome.kind === 'unchanged') throw noStep('is pending no longer, or was changed meanwhile', 'active');
    throw limitReached(outcome, ticket, this.options.codecs.id);
  }

  /**
   * Makes a suspended session active again that holds no slot. `undefined` where it is not, or no longer, suspended.
   * @throws IdentitySessionError `SESSION_LIMIT_REACHED` where the policy leaves no room for it, `VALIDATION_FAILED` where its
   * resolver looks at roles that nobody has said
   */
  async resume(
    manager: EntityManager | undefined,
    record: SessionRecord,
    scope: SessionScope,
    roles: readonly string[] | undefined,
    note: ChangeNote,
  ): Promise<SessionRecord | undefined> {
    const activation = await this.#activationOf(record, scope, roles);
    const activate = (store: SessionStore) =>
      store.activate({ ...activation, answer: null, question: null, completes: null }, note);
    const outcome = await this.writer.write(manager, activate, changedOf);
    if (outcome.kind === 'activated') return outcome.session;
    if (outcome.kind === 'unchanged') return undefined;
    throw limitReached(outcome, '', this.options.codecs.id);
  }

  async #activationOf(
    { id, tenantId, userId, clientId, deviceType, deviceId, rememberMe }: SessionRecord,
    scope: SessionScope,
    roles: readonly string[] | undefined,
  ): Promise<Omit<Activation, 'answer' | 'question' | 'completes'>> {
    const facts = { tenantId, userId, clientId, deviceType, deviceId };
    const policy = await this.strategy.configuredPolicyFor(
      roles === undefined ? withUnknownRoles(facts) : { ...facts, roles },
    );
    const terms = this.rulebook.termsFor(policy, clientId, rememberMe);
    return { scope, id, facts, ...terms([]), terms };
  }
}

/** To choose by no roles could choose no limit. */
export function withUnknownRoles(facts: SessionFacts): PolicyContext {
  return {
    ...facts,
    get roles(): never {
      throw new IdentitySessionError('VALIDATION_FAILED', 'The policy depends on the roles of the user. Say them.', {
        errors: [{ field: 'roles', message: 'are needed by the policy' }],
      });
    },
  };
}

/** Why a session takes no step of its sign-in. */
function notPending(record: SessionRecord | undefined): IdentitySessionError {
  if (record?.status === 'suspended') return suspended();
  return record?.status === 'active' ? noStep('is active', 'complete') : notFound();
}

function changedOf(outcome: ActivateOutcome): readonly SessionRecord[] {
  if (outcome.kind === 'unchanged') return outcome.ended;
  return changedBy(outcome.kind === 'activated' ? { ...outcome, kind: 'admitted' } : outcome);
}

function noStep(is: string, to: string): IdentitySessionError {
  return new IdentitySessionError('ILLEGAL_TRANSITION', `The session ${is}: it cannot become ${to}.`);
}

function unmet(reason: UnmetReason, requirement: string): IdentitySessionError {
  switch (reason) {
    case 'unknown_requirement':
      return new IdentitySessionError('VALIDATION_FAILED', 'The sign-in does not wait for that.', {
        errors: [{ field: 'requirement', message: 'is none of this sign-in' }],
      });
    case 'needs_approval':
      return new IdentitySessionError('FORBIDDEN', `"${requirement}" is met by its approvers alone.`);
    case 'takes_no_approval':
      return new IdentitySessionError('FORBIDDEN', `"${requirement}" takes no approval.`);
    case 'not_an_approver':
      return new IdentitySessionError('FORBIDDEN', `You are no approver of "${requirement}".`);
    case 'out_of_sequence':
      return new IdentitySessionError('ILLEGAL_TRANSITION', `It is somebody else's turn to approve "${requirement}".`);
  }
}
