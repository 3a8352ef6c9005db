/** Every state of a session. The first three are live; those that hold a slot count against limits. */
export type SessionStatus =
  'pending' | 'active' | 'suspended' | 'signed_out' | 'expired' | 'evicted' | 'revoked' | 'rejected';

export type LiveStatus = 'pending' | 'active' | 'suspended';
export type EndedStatus = Exclude<SessionStatus, LiveStatus>;

/** The whole lifecycle: what each state may become. Ended states lead nowhere. */
export const TRANSITIONS: Readonly<Record<SessionStatus, readonly SessionStatus[]>> = {
  pending: ['active', 'rejected', 'expired', 'revoked', 'signed_out'],
  active: ['suspended', 'signed_out', 'expired', 'evicted', 'revoked'],
  suspended: ['active', 'signed_out', 'expired', 'evicted', 'revoked'],
  signed_out: [],
  expired: [],
  evicted: [],
  revoked: [],
  rejected: [],
};

export const LIVE_STATUSES: readonly LiveStatus[] = ['pending', 'active', 'suspended'];
export const SESSION_STATUSES = Object.keys(TRANSITIONS) as readonly SessionStatus[];

/** True while the session may still change. What no version knows is not live. */
export function isLive(status: SessionStatus): status is LiveStatus {
  return (LIVE_STATUSES as readonly SessionStatus[]).includes(status);
}

/** True where the lifecycle allows the step. A step to the same state is not one. */
export function canBecome(from: SessionStatus, to: SessionStatus): boolean {
  return TRANSITIONS[from].includes(to);
}

/** The states from which `to` can be reached in one step. */
export function statesBefore(to: SessionStatus): SessionStatus[] {
  return SESSION_STATUSES.filter((from) => canBecome(from, to));
}
