import { scopeKeysFor } from '../../core/policy.js';
import { digestsEqual } from '../../core/token.js';
import { newRotationSalt } from '../rotation-salt.js';
import { type Restoration, restoredLimits, type RestoreOutcome, type Undo, type UndoOutcome } from '../session-undo.js';
import { underSettings } from '../settings-store.js';
import { byId, decideFor, ofPolicy, recordsOf, subjectLock } from './admit-transaction.js';
import { recordOf } from './session-row.js';
import type { SqlExecutor } from './sql-executor.js';
import {
  endRunOutAndReadLive,
  insertQuestion,
  lockSubject,
  readEarlierAttempt,
} from './statements/admission.statements.js';
import type { Operation } from './statements/change.statements.js';
import { lockRestorable, readUndone, restoreAndEvict, undoOne } from './statements/undo.statements.js';

/** @param attempt counts from 1; a later one may find that an earlier one has committed */
export async function undoRevocation(
  sql: SqlExecutor,
  undo: Undo,
  operation: Operation,
  attempt: number,
): Promise<UndoOutcome | undefined> {
  const row = await undoOne(sql, undo, operation);
  if (row === undefined) return undefined;
  const mayBeOurs = row.refusal === 'already_undone' && (attempt > 1 || operation.context.key !== undefined);
  const done = row.refusal === null ? row : mayBeOurs ? await readUndone(sql, undo.id, operation) : undefined;
  if (done !== undefined) return { kind: 'undone', session: recordOf(done), restorableUntil: done.until ?? 0 };
  return { kind: 'refused', reason: row.refusal ?? 'not_undoable' };
}

/**
 * The whole restoration, inside a READ COMMITTED transaction, as an admission: lock the subject, end what is over, look at the
 * permit, decide, and make the new session while the permit still holds.
 */
export async function restoreInTransaction(
  sql: SqlExecutor,
  asked: Restoration,
  nodeName: string | null,
): Promise<RestoreOutcome> {
  await lockSubject(sql, subjectLock(asked.facts));
  const { rows: before, settings } = await endRunOutAndReadLive(sql, asked.facts, null, asked.id);
  if (before.some((row) => row.part === 'earlier')) {
    return restoredOutcome(asked, await readEarlierAttempt(sql, asked.id, 'created', asked.id), []);
  }
  const restoration = underSettings(asked, settings);
  const ended = recordsOf(before, 'ended');
  const live = recordsOf(before, 'live');
  const row = await lockRestorable(sql, asked.facts, asked.from);
  if (row === undefined || !digestsEqual(row.token_digest, asked.presentedDigest)) {
    return { kind: 'refused', reason: 'unknown', ended };
  }
  if (row.refusal !== null) return { kind: 'refused', reason: row.refusal, ended };
  const limits = restoredLimits(recordOf(row), restoration);
  if (limits.expiresAt <= row.now) return { kind: 'refused', reason: 'too_late', ended };
  const scopeKeys = ofPolicy(() => scopeKeysFor(restoration.policy, restoration.facts));
  const decision = await decideFor(sql, restoration, scopeKeys, live);
  if (decision.kind !== 'admit') {
    const full = byId(live, decision.full);
    if (decision.kind === 'reject') return { kind: 'rejected', full, ended };
    await insertQuestion(sql, restoration.facts, restoration.question);
    return { kind: 'asked', full, mustEnd: decision.mustEnd, ended };
  }
  const salt = newRotationSalt();
  const rows = await restoreAndEvict(sql, restoration, limits, scopeKeys, salt, nodeName, decision.evict);
  if (rows.length === 0) return { kind: 'refused', reason: 'changed', ended };
  const outcome = restoredOutcome(restoration, rows, ended);
  return { ...outcome, evicted: byId(outcome.evicted, decision.evict) };
}

/** @throws Error where nobody was restored */
function restoredOutcome(
  { from: oldId }: Restoration,
  rows: Parameters<typeof recordsOf<'admitted' | 'evicted' | 'ended'>>[0],
  ended: Extract<RestoreOutcome, { kind: 'restored' }>['ended'],
): Extract<RestoreOutcome, { kind: 'restored' }> {
  const [session] = recordsOf(rows, 'admitted');
  const others = recordsOf(rows, 'ended');
  const from = others.find(({ id }) => id === oldId);
  if (session === undefined || from === undefined) throw new Error('The database has restored no session.');
  const rest = others.filter(({ id }) => id !== oldId);
  return { kind: 'restored', session, from, evicted: recordsOf(rows, 'evicted'), ended: [...ended, ...rest] };
}
