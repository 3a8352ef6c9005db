import { expiryOf } from '../../core/expiry.js';
import type { SessionFacts, SessionRecord } from '../../core/session.js';
import { loggedContext } from '../change-context.js';
import type { Admission, AdmitOutcome, ChangeNote } from '../session-store.js';
import { planAdmission } from './admission-plan.js';
import type { OpenQuestions } from './open-questions.js';
import { hasRunOut } from './session-query.js';
import type { SessionTable } from './session-table.js';
import { handedOut, newSession } from './stored-session.js';

/** Admits a session, or says why not. */
export function admitIn(table: SessionTable, questions: OpenQuestions, admission: Admission): AdmitOutcome {
  const earlier = table.sessions.get(admission.id);
  if (earlier !== undefined) {
    return { kind: 'admitted', session: handedOut(table.cutOffs.effective(earlier)), evicted: [], ended: [] };
  }
  const { facts, answer, question } = admission;
  const now = table.now();
  const answered = answer !== null && questions.has(answer.ticketDigest, facts, now);
  const { runOut, replaced, decision, superseded } = planAdmission(
    admission,
    table.effective(),
    (session) => table.holdsSlot(session),
    answered,
    now,
  );
  const createdAt = table.cutOffs.earliestAdmission(facts, now);
  const newcomer = newSession(admission, table.nextSequence, now, createdAt);

  if (answered && admission.pending == null) questions.delete(answer.ticketDigest);
  const ended = table.endCutOff(facts, now);
  ended.push(...expire(table, runOut, now));
  if (decision.kind === 'admit') {
    const by = facts.userId;
    const left = replaced === undefined ? [] : [replaced];
    ended.push(...table.endAll(left, 'signed_out', { reason: 'replaced', by, source: 'sign-in' }, now));
    ended.push(...table.endAll(superseded, 'rejected', { reason: 'superseded', by, source: 'policy' }, now));
    const evicted = table.endAll(
      table.stored(decision.evict),
      'evicted',
      { reason: 'limit_reached', by, source: 'policy' },
      now,
    );
    const context = loggedContext({ ip: admission.ip, ...admission.context }, 'sign-in');
    const session = table.put(newcomer, 'created', { reason: null, actor: by, context }, now);
    return { kind: 'admitted', session, evicted, ended };
  }
  const full = table.stored(decision.full).map(handedOut);
  if (decision.kind === 'reject') return { kind: 'rejected', full, ended };
  questions.add(question.ticketDigest, facts, question.lifetimeMs, now);
  return { kind: 'asked', full, mustEnd: decision.mustEnd, ended };
}

/** Ends what is over of a subject's sessions. */
export function endOver(table: SessionTable, facts: SessionFacts, now: number): SessionRecord[] {
  const ended = table.endCutOff(facts, now);
  const { tenantId, userId } = facts;
  const own = table.matching({ scope: { kind: 'user', tenantId, userId } }, now);
  ended.push(
    ...expire(
      table,
      own.filter((session) => hasRunOut(session, now)),
      now,
    ),
  );
  return ended;
}

function expire(table: SessionTable, runOut: readonly SessionRecord[], now: number): SessionRecord[] {
  return runOut.flatMap((session) => table.endAll([session], 'expired', expiryNote(session, now), now));
}

function expiryNote(session: SessionRecord, now: number): ChangeNote {
  const isAbsolute = expiryOf(session, session.lastAccessedAt, now) === 'absolute';
  return { reason: isAbsolute ? 'absolute_lifetime' : 'idle_timeout', by: null, source: 'sign-in' };
}
