import type { SignInRequirement, UnmetReason } from '../core/pending.js';
import type { AssuranceLevel, SessionFacts, SessionRecord, SessionSubject } from '../core/session.js';
import type { ChangeContext } from './change-context.js';
import type { Admission, AdmitOutcome, SessionScope } from './session-store.js';

/** What a sign-in waits for, for how long, and how many such there may be. */
export interface PendingAdmission {
  readonly requirements: readonly Omit<SignInRequirement, 'met'>[];
  readonly roles: readonly string[];
  /** Both limits of the session while it waits. */
  readonly timeLimitMs: number;
  /** Of one subject; the oldest beyond it are rejected as `superseded`. */
  readonly most: number;
}

/** Somebody's part of what a pending session waits for. */
export interface Meeting extends ChangeContext {
  readonly id: string;
  readonly requirement: string;
  readonly by: string | null;
  /** By an approver whom the requirement names; else by the application. */
  readonly isApproval: boolean;
  /** Of the approver. Ids name users of the session's own tenant: whoever has another approves nothing. Absent: not told. */
  readonly approverTenantId?: string | null;
  /** Whose session it is: locked first, for who goes on to activate it in the same transaction. */
  readonly subject?: SessionSubject;
  /** Raises the session's level to this one. */
  readonly assurance?: AssuranceLevel;
}

export type MeetOutcome =
  | { readonly kind: 'met'; readonly session: SessionRecord }
  /** It was met already: nothing has changed. */
  | { readonly kind: 'unchanged'; readonly session: SessionRecord }
  | { readonly kind: 'refused'; readonly reason: UnmetReason };

/** How a session comes to hold a slot that was admitted, or went on, without one. */
export interface Activation extends Pick<
  Admission,
  'policy' | 'idleTimeoutMs' | 'absoluteLifetimeMs' | 'terms' | 'answer'
> {
  readonly scope: SessionScope;
  readonly id: string;
  /** The session's own: what its subject is locked by, and what the policy sees. */
  readonly facts: SessionFacts;
  /** A pending one becomes active once nothing is missing; its lifetimes begin, and its token is replaced by this one. */
  readonly completes: { readonly fromGeneration: number; readonly tokenDigest: Uint8Array } | null;
  /** `null` where nobody could answer: a policy that asks rejects then. */
  readonly question: Admission['question'] | null;
}

export type ActivateOutcome =
  | {
      readonly kind: 'activated';
      readonly session: SessionRecord;
      readonly evicted: readonly SessionRecord[];
      readonly ended: readonly SessionRecord[];
    }
  | Exclude<AdmitOutcome, { readonly kind: 'admitted' }>
  /** It is not, or no longer, in the state that it should leave, or in scope; or requirements are missing. */
  | { readonly kind: 'unchanged'; readonly ended: readonly SessionRecord[] };
