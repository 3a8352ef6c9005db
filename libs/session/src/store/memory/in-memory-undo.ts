import { expiryOf } from '../../core/expiry.js';
import { scopeKeysFor } from '../../core/policy.js';
import type { SessionRecord } from '../../core/session.js';
import { digestsEqual } from '../../core/token.js';
import { loggedContext } from '../change-context.js';
import { newRotationSalt } from '../rotation-salt.js';
import type { ChangeNote, SessionFilter } from '../session-store.js';
import {
  type Restoration,
  restoredLimits,
  type RestoreOutcome,
  type Undo,
  type UndoOutcome,
  type UndoRefusal,
} from '../session-undo.js';
import { decisionFor } from './admission-plan.js';
import type { OpenQuestions } from './open-questions.js';
import { endOver } from './in-memory-admission.js';
import { hasRunOut, isInScope } from './session-query.js';
import { noted, type SessionTable } from './session-table.js';
import { handedOut } from './stored-session.js';
import type { StoredUndo } from './stored-undos.js';

/** Permits that a revoked session be restored. */
export function undoIn(table: SessionTable, { scope, id, windowMs }: Undo, note: ChangeNote): UndoOutcome | undefined {
  const now = table.now();
  const session = table.sessions.get(id);
  if (session === undefined || !isInScope(scope, session)) return undefined;
  const undo = table.undos.of(id);
  const restorableUntil = (session.endedAt ?? 0) + windowMs;
  if (session.status !== 'revoked' || undo === undefined) return { kind: 'refused', reason: 'not_undoable' };
  if (session.userId === note.by) return { kind: 'refused', reason: 'own_session' };
  if (undo.restorableUntil !== null) {
    const [done] = table.keyed(scope, id, 'undone', note);
    if (done === undefined) return { kind: 'refused', reason: 'already_undone' };
    return { kind: 'undone', session: handedOut(done), restorableUntil: undo.restorableUntil };
  }
  const refusal = refusalAt(table, session, undo, restorableUntil, now);
  if (refusal !== undefined) return { kind: 'refused', reason: refusal };
  table.undos.set(id, { ...undo, restorableUntil });
  return { kind: 'undone', session: table.change(session, {}, 'undone', noted(note), now), restorableUntil };
}

/** Makes the new session out of the old one, by the policy. */
export function restoreIn(table: SessionTable, questions: OpenQuestions, restoration: Restoration): RestoreOutcome {
  const now = table.now();
  const { facts, answer, question } = restoration;
  const earlier = table.sessions.get(restoration.id);
  const old = table.sessions.get(restoration.from);
  if (earlier !== undefined && old !== undefined) {
    return { kind: 'restored', session: handedOut(earlier), from: handedOut(old), evicted: [], ended: [] };
  }
  const held = table
    .matching({ scope: { kind: 'user', tenantId: facts.tenantId, userId: facts.userId }, status: 'live' }, now)
    .filter((session) => table.holdsSlot(session) && !hasRunOut(session, now));
  const answered = answer !== null && questions.has(answer.ticketDigest, facts, now);
  // A function of the policy may throw: before anything has changed.
  const decision = decisionFor(restoration, held, answered);
  const scopeKeys = Object.freeze(scopeKeysFor(restoration.policy, facts));
  const ended = endOver(table, facts, now);
  const refuse = (reason: UndoRefusal): RestoreOutcome => ({ kind: 'refused', reason, ended });
  if (old === undefined || !digestsEqual(old.tokenDigest, restoration.presentedDigest)) return refuse('unknown');
  const undo = table.undos.of(old.id);
  if (old.status !== 'revoked' || undo?.restorableUntil == null) return refuse('not_undone');
  if (undo.restoredAs !== null) return refuse('used');
  const limits = restoredLimits(old, restoration);
  const refusal = refusalAt(table, old, undo, Math.min(undo.restorableUntil, limits.expiresAt), now);
  if (refusal !== undefined) return refuse(refusal);
  if (answered) questions.delete(answer.ticketDigest);
  if (decision.kind !== 'admit') {
    const full = table.stored(decision.full).map(handedOut);
    if (decision.kind === 'reject') return { kind: 'rejected', full, ended };
    questions.add(question.ticketDigest, facts, question.lifetimeMs, now);
    return { kind: 'asked', full, mustEnd: decision.mustEnd, ended };
  }
  const by = facts.userId;
  const evicted = table.endAll(
    table.stored(decision.evict),
    'evicted',
    { reason: 'limit_reached', by, source: 'policy' },
    now,
  );
  const claimed = { reason: 'restored', actor: by, context: loggedContext(restoration.context ?? {}, 'sign-in') };
  table.undos.set(old.id, { ...undo, restoredAs: restoration.id });
  const from = table.change(old, {}, 'restored', claimed, now);
  const createdAt = table.cutOffs.earliestAdmission(facts, now);
  const newcomer = newcomerOf(old, restoration, {
    ...limits,
    createdAt,
    sequence: table.nextSequence,
    scopeKeys,
    lastAccessedAt: now,
  });
  const origin = { restoredFrom: old.id };
  const session = table.put(newcomer, 'created', claimed, now, origin);
  return { kind: 'restored', session, from, evicted, ended };
}

/** Takes back what was permitted of sessions that match. */
export function withdrawUndoIn(table: SessionTable, { status: _, ...filter }: SessionFilter): void {
  for (const session of table.matching(filter, table.now())) {
    if (table.undos.of(session.id)?.restorableUntil != null) table.undos.settle(session.id);
  }
}

/** The new session in place of the old one; what `is` does not say is as it was. */
export function newcomerOf(
  old: SessionRecord,
  { id, tokenDigest }: Restoration,
  is: Partial<SessionRecord>,
): SessionRecord {
  return {
    ...old,
    ...is,
    id,
    version: 1,
    status: 'active',
    tokenDigest: Uint8Array.from(tokenDigest),
    tokenGeneration: 0,
    previous: null,
    rotationSalt: newRotationSalt(),
    rotatedAt: null,
    initialIp: old.lastIp,
    endedAt: null,
    endReason: null,
    endedBy: null,
    restoredFrom: old.id,
    dataVersion: 0,
  };
}

function refusalAt(
  table: SessionTable,
  session: SessionRecord,
  { isOpen }: StoredUndo,
  until: number,
  now: number,
): UndoRefusal | undefined {
  if (now >= until || expiryOf(session, session.lastAccessedAt, now) !== 'none') return 'too_late';
  return !isOpen || table.cutOffs.covers(session) || hasSignedInSince(table, session) ? 'changed' : undefined;
}

/** What was restored of the same user was there before. */
function hasSignedInSince(table: SessionTable, { tenantId, userId, endedAt }: SessionRecord): boolean {
  return [...table.sessions.values()].some(
    (other) =>
      other.tenantId === tenantId &&
      other.userId === userId &&
      other.createdAt > (endedAt ?? 0) &&
      other.restoredFrom === null,
  );
}
