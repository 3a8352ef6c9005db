import { missingRequirements, raisedAssurance, withMet } from '../../core/pending.js';
import { scopeKeysFor } from '../../core/policy.js';
import type { SessionRecord } from '../../core/session.js';
import { decideMeeting } from '../meeting.js';
import { newRotationSalt } from '../rotation-salt.js';
import type { ActivateOutcome, Activation, Meeting, MeetOutcome } from '../session-activation.js';
import type { ChangeNote, SessionScope } from '../session-store.js';
import { decisionFor } from './admission-plan.js';
import { endOver } from './in-memory-admission.js';
import type { OpenQuestions } from './open-questions.js';
import { hasRunOut } from './session-query.js';
import { noted, type SessionTable } from './session-table.js';
import { handedOut } from './stored-session.js';

/** Notes that somebody has met a requirement. */
export function meetIn(table: SessionTable, scope: SessionScope, meeting: Meeting): MeetOutcome | undefined {
  const now = table.now();
  const [session] = table.liveInScope(scope, meeting.id);
  if (session?.status !== 'pending' || session.pending === null || hasRunOut(session, now)) return undefined;
  const { requirement, by, assurance } = meeting;
  const decision = decideMeeting(session, session.pending, meeting);
  if (decision.kind === 'refused') return decision;
  if (decision.kind === 'unchanged') return { kind: 'unchanged', session: handedOut(session) };
  const changes = {
    pending: withMet(session.pending, decision.position, Object.freeze({ by, at: now })),
    assurance: raisedAssurance(session.assurance, assurance),
  };
  const changed = table.change(
    session,
    changes,
    'requirement_met',
    noted({ ...meeting, reason: requirement, by }),
    now,
  );
  return { kind: 'met', session: changed };
}

/** Has a session come to hold a slot, by the policy. */
export function activateIn(
  table: SessionTable,
  questions: OpenQuestions,
  activation: Activation,
  note: ChangeNote,
): ActivateOutcome {
  const { facts, answer, question, completes, scope, id } = activation;
  // Whoever completes brings a token, and the one that counts is that of who was first.
  const [done] = completes === null ? table.keyed(scope, id, 'activated', note) : [];
  if (done !== undefined) return { kind: 'activated', session: handedOut(done), evicted: [], ended: [] };
  const now = table.now();
  const held = table
    .matching({ scope: { kind: 'user', tenantId: facts.tenantId, userId: facts.userId }, status: 'live' }, now)
    .filter((session) => table.holdsSlot(session) && !hasRunOut(session, now) && session.id !== id);
  const answered = answer !== null && questions.has(answer.ticketDigest, facts, now);
  // A function of the policy may throw: before anything has changed.
  const decision = decisionFor(activation, held, answered);
  const scopeKeys = Object.freeze(scopeKeysFor(activation.policy, facts));
  const ended = endOver(table, facts, now);
  const [session] = table.liveInScope(scope, id);
  if (session === undefined || !isReady(session, completes)) return { kind: 'unchanged', ended };
  const keepsSlot = table.holdsSlot(session);
  if (answered && !keepsSlot) questions.delete(answer.ticketDigest);
  if (decision.kind !== 'admit' && !keepsSlot) {
    const full = table.stored(decision.full).map(handedOut);
    if (decision.kind === 'reject' || question === null) return { kind: 'rejected', full, ended };
    questions.add(question.ticketDigest, facts, question.lifetimeMs, now);
    return { kind: 'asked', full, mustEnd: decision.mustEnd, ended };
  }
  const victims = decision.kind === 'admit' && !keepsSlot ? decision.evict : [];
  const evicted = table.endAll(
    table.stored(victims),
    'evicted',
    { reason: 'limit_reached', by: note.by, source: 'policy' },
    now,
  );
  table.slotless.delete(id);
  const changes = {
    status: 'active',
    scopeKeys,
    ...(completes === null ? {} : completion(session, activation, now)),
  } as const;
  return { kind: 'activated', session: table.change(session, changes, 'activated', noted(note), now), evicted, ended };
}

/** True where the session is in the state that it should leave, and nothing is missing. */
export function isReady(session: SessionRecord, completes: Activation['completes']): boolean {
  if (completes === null) return session.status === 'suspended';
  return (
    session.status === 'pending' &&
    session.tokenGeneration === completes.fromGeneration &&
    missingRequirements(session.pending).length === 0
  );
}

/** What a completed sign-in changes of its session, beside its status. */
export function completion(
  session: SessionRecord,
  { completes, idleTimeoutMs, absoluteLifetimeMs }: Activation,
  now: number,
): Partial<SessionRecord> {
  return {
    pending: null,
    tokenDigest: Uint8Array.from(completes?.tokenDigest ?? []),
    tokenGeneration: session.tokenGeneration + 1,
    previous: null,
    rotationSalt: newRotationSalt(),
    rotatedAt: now,
    authenticatedAt: now,
    lastAccessedAt: now,
    idleTimeoutMs,
    expiresAt: now + absoluteLifetimeMs,
  };
}
