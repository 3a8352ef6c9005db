import { isLive } from '../../core/lifecycle.js';
import { answeredWith, decide, type PolicyDecision, scopeKeysFor } from '../../core/policy.js';
import type { SessionRecord } from '../../core/session.js';
import type { Admission } from '../session-store.js';
import { supersededBy } from '../superseded.js';
import { hasRunOut } from './session-query.js';

/** Everything that an admission will do; nothing of it is done yet. */
export interface AdmissionPlan {
  /** Sessions of the subject whose time is over; they end whatever is decided. */
  readonly runOut: readonly SessionRecord[];
  /** The live session whose place the newcomer takes; it ends where the newcomer is admitted. */
  readonly replaced: SessionRecord | undefined;
  readonly decision: PolicyDecision;
  /** Pending ones that a further one leaves no room for, the oldest first. */
  readonly superseded: readonly SessionRecord[];
}

/**
 * Plans an admission without changing anything, so that a policy function that throws leaves no half of one behind.
 *
 * @param holdsSlot tells which sessions count
 * @param answered whether the admission's answer came with a ticket that is good
 */
export function planAdmission(
  admission: Admission,
  sessions: Iterable<SessionRecord>,
  holdsSlot: (session: SessionRecord) => boolean,
  answered: boolean,
  now: number,
): AdmissionPlan {
  const { facts, replaces, pending = null } = admission;
  const runOut: SessionRecord[] = [];
  const live: SessionRecord[] = [];
  let replaced: SessionRecord | undefined;
  for (const session of sessions) {
    if (!isLive(session.status)) continue;
    if (session.id === replaces) replaced = session;
    else if (session.tenantId === facts.tenantId && session.userId === facts.userId) {
      (hasRunOut(session, now) ? runOut : live).push(session);
    }
  }
  const held = live.filter(holdsSlot);
  if (pending === null) return { runOut, replaced, decision: decisionFor(admission, held, answered), superseded: [] };
  return {
    ...{ runOut, replaced, decision: { kind: 'admit', evict: [] } },
    superseded: supersededBy(pending.most, live, admission.isProtected ?? false),
  };
}

/** What the policy says about whoever comes to hold a slot, given those that hold one. */
export function decisionFor(
  { facts, policy, answer }: Pick<Admission, 'facts' | 'policy' | 'answer'>,
  held: readonly SessionRecord[],
  answered: boolean,
): PolicyDecision {
  const candidate = { ...facts, scopeKeys: scopeKeysFor(policy, facts) };
  return answered && answer !== null
    ? answeredWith(policy, candidate, held, answer.end)
    : decide(policy, candidate, held);
}
