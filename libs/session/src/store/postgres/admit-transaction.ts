import { createHash } from 'node:crypto';
import { answeredWith, decide, type PolicyDecision, scopeKeysFor } from '../../core/policy.js';
import { IdentitySessionError } from '../../core/errors.js';
import type { SessionRecord, SessionSubject } from '../../core/session.js';
import { newRotationSalt } from '../rotation-salt.js';
import type { Admission, AdmitOutcome } from '../session-store.js';
import { underSettings } from '../settings-store.js';
import { supersededBy } from '../superseded.js';
import { recordOf, type SessionRow } from './session-row.js';
import type { SqlExecutor } from './sql-executor.js';
import {
  endRunOutAndReadLive,
  insertAndEvict,
  insertQuestion,
  lockSubject,
  readEarlierAttempt,
  takeQuestion,
} from './statements/admission.statements.js';

/**
 * The whole admission, inside a READ COMMITTED transaction: lock the subject, end what is over, read what lives and which
 * settings hold, decide, insert and evict. The lock has a statement of its own, because a statement sees what was committed when it
 * began.
 */
export async function admitInTransaction(
  sql: SqlExecutor,
  asked: Admission,
  nodeName: string | null,
): Promise<AdmitOutcome> {
  await lockSubject(sql, subjectLock(asked.facts));
  const { rows: before, settings } = await endRunOutAndReadLive(sql, asked.facts, asked.replaces, asked.id);
  const admission = underSettings(asked, settings);
  if (before.some((row) => row.part === 'earlier')) {
    return admittedOutcome(await readEarlierAttempt(sql, admission.id, 'created', admission.id));
  }
  const ended = recordsOf(before, 'ended');
  const live = recordsOf(before, 'live');
  const scopeKeys = ofPolicy(() => scopeKeysFor(admission.policy, admission.facts));
  const { pending = null } = admission;
  const superseded =
    pending === null ? [] : supersededBy(pending.most, recordsOf(before, 'waiting'), admission.isProtected ?? false);
  const decision =
    pending === null
      ? await decideFor(sql, admission, scopeKeys, live)
      : ({ kind: 'admit', evict: [] } satisfies PolicyDecision);
  switch (decision.kind) {
    case 'reject':
      return { kind: 'rejected', full: byId(live, decision.full), ended };
    case 'ask':
      await insertQuestion(sql, admission.facts, admission.question);
      return { kind: 'asked', full: byId(live, decision.full), mustEnd: decision.mustEnd, ended };
    case 'admit': {
      const salt = newRotationSalt();
      const leaving = { evicted: decision.evict, superseded: superseded.map(({ id }) => id) };
      const rows = await insertAndEvict(sql, admission, scopeKeys, salt, nodeName, leaving);
      const outcome = admittedOutcome(rows);
      return { ...outcome, evicted: byId(outcome.evicted, decision.evict), ended: [...ended, ...outcome.ended] };
    }
  }
}

/** What the policy says about whoever comes to hold a slot. Uses up the ticket of an answer. */
export async function decideFor(
  sql: SqlExecutor,
  { facts, policy, answer }: Pick<Admission, 'facts' | 'policy' | 'answer'>,
  scopeKeys: readonly string[],
  live: readonly SessionRecord[],
): Promise<PolicyDecision> {
  const candidate = { ...facts, scopeKeys };
  if (answer !== null && (await takeQuestion(sql, facts, answer.ticketDigest))) {
    return ofPolicy(() => answeredWith(policy, candidate, live, answer.end));
  }
  return ofPolicy(() => decide(policy, candidate, live));
}

/** A policy's own functions may throw: the application's fault, and not the store's. */
export function ofPolicy<T>(decision: () => T): T {
  try {
    return decision();
  } catch (error) {
    throw new IdentitySessionError(
      'CONFIGURATION_INVALID',
      'A function of the concurrent login policy threw.',
      {},
      error,
    );
  }
}

/** @throws Error where nobody was admitted */
export function admittedOutcome(
  rows: readonly { part: 'admitted' | 'evicted' | 'ended'; row: SessionRow }[],
): Extract<AdmitOutcome, { kind: 'admitted' }> {
  const [session] = recordsOf(rows, 'admitted');
  if (session === undefined) throw new Error('The database has inserted no session.');
  return { kind: 'admitted', session, evicted: recordsOf(rows, 'evicted'), ended: recordsOf(rows, 'ended') };
}

export function recordsOf<TPart extends string>(
  rows: readonly { part: TPart; row: SessionRow }[],
  part: TPart,
): SessionRecord[] {
  return rows.filter((row) => row.part === part).map((row) => recordOf(row.row));
}

/** In the order of the ids. */
export function byId(sessions: readonly SessionRecord[], ids: readonly string[]): SessionRecord[] {
  return ids.flatMap((id) => sessions.find((session) => session.id === id) ?? []);
}

/** 64 bits of a hash over the length-prefixed tenant and user, so that no two subjects are one by concatenation. */
export function subjectLock({ tenantId, userId }: SessionSubject): bigint {
  const tenant = tenantId ?? '';
  return createHash('sha256')
    .update(`identity-session:${tenant.length}:${tenant}:${userId}`)
    .digest()
    .readBigInt64BE(0);
}
