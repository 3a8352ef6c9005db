import { ASSURANCE_LEVELS, type AssuranceLevel } from './session.js';

/** How many of the named approvers are needed: one of them, all of them, or all in the order of the list. */
export type ApprovalMode = 'any' | 'all' | 'sequence';

export const APPROVAL_MODES: readonly ApprovalMode[] = ['any', 'all', 'sequence'];

/** Who must approve. */
export interface Approvers {
  readonly mode: ApprovalMode;
  /** User ids, each once. */
  readonly of: readonly string[];
}

/** That somebody has met a requirement, or their part of it. */
export interface RequirementMet {
  readonly by: string | null;
  /** In milliseconds on the store's clock: the moment of the change in the log. */
  readonly at: number;
}

/** What a sign-in waits for. */
export interface SignInRequirement {
  /** Unique among those of the session: `second_factor`, `payment`, `four_eyes`. */
  readonly name: string;
  /** `null` for what the application completes itself. */
  readonly approvers: Approvers | null;
  /** In the order in which it came. */
  readonly met: readonly RequirementMet[];
}

/** What a session waits for that is not complete. */
export interface PendingSignIn {
  readonly requirements: readonly SignInRequirement[];
  /** Of the sign-in: a resolver chooses the policy by them once the session shall become active. */
  readonly roles: readonly string[];
}

/** Why somebody does not meet a requirement. */
export type UnmetReason =
  | 'unknown_requirement'
  /** Only its approvers can meet it. */
  | 'needs_approval'
  /** Nobody approves it: the application completes it. */
  | 'takes_no_approval'
  | 'not_an_approver'
  | 'out_of_sequence';

/** What comes of somebody's attempt to meet a requirement. */
export type MeetDecision =
  | { readonly kind: 'meets'; readonly position: number }
  /** It was met before, by them or altogether. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'refused'; readonly reason: UnmetReason };

/** True once nothing of the requirement is open. */
export function isMet({ approvers, met }: SignInRequirement): boolean {
  if (approvers === null || approvers.mode === 'any') return met.length > 0;
  return approvers.of.every((approver) => hasApproved(met, approver));
}

/** The names of the requirements that are open; none means that the session is ready to become active. */
export function missingRequirements(pending: Pick<PendingSignIn, 'requirements'> | null): string[] {
  return (pending?.requirements ?? []).filter((requirement) => !isMet(requirement)).map(({ name }) => name);
}

/** Decides whether somebody meets a requirement. Pure: the store asks it under the row's lock. */
export function meet(
  pending: Pick<PendingSignIn, 'requirements'>,
  name: string,
  by: string | null,
  isApproval: boolean,
): MeetDecision {
  const position = pending.requirements.findIndex((requirement) => requirement.name === name);
  const requirement = pending.requirements[position];
  if (requirement === undefined) return { kind: 'refused', reason: 'unknown_requirement' };
  const { approvers, met } = requirement;
  if (approvers === null) {
    if (isApproval) return { kind: 'refused', reason: 'takes_no_approval' };
    return met.length > 0 ? { kind: 'unchanged' } : { kind: 'meets', position };
  }
  if (!isApproval || by === null) return { kind: 'refused', reason: 'needs_approval' };
  if (!approvers.of.includes(by)) return { kind: 'refused', reason: 'not_an_approver' };
  if (hasApproved(met, by) || isMet(requirement)) return { kind: 'unchanged' };
  const next = approvers.of.find((approver) => !hasApproved(met, approver));
  if (approvers.mode === 'sequence' && by !== next) return { kind: 'refused', reason: 'out_of_sequence' };
  return { kind: 'meets', position };
}

/** The same with one requirement met once more. */
export function withMet(pending: PendingSignIn, position: number, mark: RequirementMet): PendingSignIn {
  const requirements = pending.requirements.map((requirement, index) =>
    index === position
      ? Object.freeze({ ...requirement, met: Object.freeze([...requirement.met, mark]) })
      : requirement,
  );
  return Object.freeze({ ...pending, requirements: Object.freeze(requirements) });
}

/** The higher of both. */
export function raisedAssurance(level: AssuranceLevel, by: AssuranceLevel | undefined): AssuranceLevel {
  return by !== undefined && ASSURANCE_LEVELS.indexOf(by) > ASSURANCE_LEVELS.indexOf(level) ? by : level;
}

function hasApproved(met: readonly RequirementMet[], approver: string): boolean {
  return met.some(({ by }) => by === approver);
}
