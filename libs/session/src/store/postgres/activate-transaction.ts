import { missingRequirements, raisedAssurance } from '../../core/pending.js';
import { scopeKeysFor } from '../../core/policy.js';
import type { SessionRecord } from '../../core/session.js';
import { isInScope } from '../memory/session-query.js';
import { newRotationSalt } from '../rotation-salt.js';
import type { ActivateOutcome, Activation, Meeting, MeetOutcome } from '../session-activation.js';
import type { SessionScope } from '../session-store.js';
import { decideMeeting } from '../meeting.js';
import { underSettings } from '../settings-store.js';
import { admittedOutcome, byId, decideFor, ofPolicy, recordsOf, subjectLock } from './admit-transaction.js';
import { recordOf } from './session-row.js';
import type { SqlExecutor } from './sql-executor.js';
import { activateAndEvict, lockPending, markMet } from './statements/activation.statements.js';
import {
  endRunOutAndReadLive,
  insertQuestion,
  lockSubject,
  readEarlierAttempt,
} from './statements/admission.statements.js';
import type { Operation } from './statements/change.statements.js';
import { readKeyed } from './statements/keyed.statements.js';

/** Notes that somebody has met a requirement, decided under the lock of the session's row. */
export async function meetInTransaction(
  sql: SqlExecutor,
  scope: SessionScope,
  meeting: Meeting,
  operation: Operation,
): Promise<MeetOutcome | undefined> {
  const { id, assurance, subject } = meeting;
  // As everything else that locks both: the user first, then the sessions.
  if (subject !== undefined) await lockSubject(sql, subjectLock(subject));
  const row = await lockPending(sql, scope, id);
  const session = row && recordOf(row);
  if (session?.pending == null) return undefined;
  const decision = decideMeeting(session, session.pending, meeting);
  if (decision.kind === 'refused') return decision;
  if (decision.kind === 'unchanged') return { kind: 'unchanged', session };
  const level = raisedAssurance(session.assurance, assurance);
  const changed = await markMet(sql, id, decision.position, level, operation);
  return changed && { kind: 'met', session: recordOf(changed) };
}

/**
 * Has a session come to hold a slot, inside a READ COMMITTED transaction, as an admission does: lock the subject, end what
 * is over, read what holds a slot and which settings hold, decide, activate and evict.
 *
 * @param attempt counts from 1; a later one may find that an earlier one has committed
 */
export async function activateInTransaction(
  sql: SqlExecutor,
  asked: Activation,
  operation: Operation,
  attempt: number,
): Promise<ActivateOutcome> {
  const { operationId } = operation;
  await lockSubject(sql, subjectLock(asked.facts));
  if (attempt > 1) {
    const earlier = await readEarlierAttempt(sql, asked.id, 'activated', operationId);
    if (earlier.length > 0) return { ...admittedOutcome(earlier), kind: 'activated' };
  }
  // Whoever completes brings a token, and the one that counts is that of who was first.
  if (operation.context.key !== undefined && asked.completes === null) {
    const done = await readKeyed(sql, { ...asked, type: 'activated' }, operation);
    if (done !== undefined) return { kind: 'activated', session: recordOf(done), evicted: [], ended: [] };
  }
  const { rows, settings } = await endRunOutAndReadLive(sql, asked.facts, null, operationId);
  const activation = underSettings(asked, settings);
  const ended = recordsOf(rows, 'ended');
  const holding = recordsOf(rows, 'live');
  const keepsSlot = holding.some(({ id }) => id === activation.id);
  const session = keepsSlot ? undefined : recordsOf(rows, 'waiting').find(({ id }) => id === activation.id);
  // Before anything is told: a policy that has no room would tell that there is such a session.
  if (!keepsSlot && !isReady(session, activation)) return { kind: 'unchanged', ended };
  const scopeKeys = ofPolicy(() => scopeKeysFor(activation.policy, activation.facts));
  const decision = keepsSlot
    ? ({ kind: 'admit', evict: [] } as const)
    : await decideFor(sql, activation, scopeKeys, holding);
  if (decision.kind !== 'admit') {
    const full = byId(holding, decision.full);
    if (decision.kind === 'reject' || activation.question === null) return { kind: 'rejected', full, ended };
    await insertQuestion(sql, activation.facts, activation.question);
    return { kind: 'asked', full, mustEnd: decision.mustEnd, ended };
  }
  const salt = newRotationSalt();
  const changed = await activateAndEvict(sql, activation, scopeKeys, salt, decision.evict, operation);
  if (changed.length === 0) return { kind: 'unchanged', ended };
  const outcome = admittedOutcome(changed);
  return { kind: 'activated', session: outcome.session, evicted: byId(outcome.evicted, decision.evict), ended };
}

function isReady(session: SessionRecord | undefined, { completes, scope }: Activation): boolean {
  if (session === undefined || !isInScope(scope, session)) return false;
  if (completes === null) return session.status === 'suspended';
  return session.status === 'pending' && missingRequirements(session.pending).length === 0;
}
