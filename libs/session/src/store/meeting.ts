import { meet, type MeetDecision, type PendingSignIn } from '../core/pending.js';
import type { SessionRecord } from '../core/session.js';
import type { Meeting } from './session-activation.js';

/** What comes of a meeting with what a session waits for. Two tenants may have users of the same id. */
export function decideMeeting(
  { tenantId }: Pick<SessionRecord, 'tenantId'>,
  pending: PendingSignIn,
  { requirement, by, isApproval, approverTenantId }: Meeting,
): MeetDecision {
  const decision = meet(pending, requirement, by, isApproval);
  const isStranger = isApproval && approverTenantId !== undefined && approverTenantId !== tenantId;
  return isStranger && decision.kind !== 'refused' ? { kind: 'refused', reason: 'not_an_approver' } : decision;
}
