import { IdentitySessionError } from '../../core/errors.js';
import { APPROVAL_MODES, type Approvers } from '../../core/pending.js';
import type { PendingAdmission } from '../../store/session-activation.js';
import { storableIdentifier } from '../../store/storable-text.js';
import { LONGEST_LIFETIME_MS } from '../options/lifetimes-schema.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import type { PendingInput, RequirementInput } from './sign-in.js';

const MOST_REQUIREMENTS = 10;
const MOST_APPROVERS = 20;
const MAX_NAME_LENGTH = 100;

/**
 * What a sign-in waits for, as the store takes it; `null` for one that waits for nothing.
 * @throws IdentitySessionError `VALIDATION_FAILED` where nobody could ever meet it
 */
export function pendingAdmission(
  input: PendingInput | undefined,
  roles: readonly string[],
  options: ResolvedOptions['pending'],
): PendingAdmission | null {
  if (input === undefined) return null;
  const { requirements, timeLimitMs = options.timeLimitMs } = input;
  const names = requirements.map(({ name }) => name);
  demand(requirements.length >= 1 && requirements.length <= MOST_REQUIREMENTS, 'requirements', 'must be 1 to 10');
  demand(new Set(names).size === names.length, 'requirements', 'must each have a name of their own');
  const isTime = Number.isSafeInteger(timeLimitMs) && timeLimitMs >= 1 && timeLimitMs <= LONGEST_LIFETIME_MS;
  demand(isTime, 'timeLimitMs', 'must be a whole number of milliseconds');
  return {
    requirements: requirements.map(requirementOf),
    roles: roles.map((role) => storableIdentifier(role, 'roles')),
    timeLimitMs,
    most: options.maxPerUser,
  };
}

function requirementOf({ name, approvers }: RequirementInput): PendingAdmission['requirements'][number] {
  const stored = storableIdentifier(name, 'pending.requirements.name');
  demand(stored.length <= MAX_NAME_LENGTH, 'requirements.name', `must have at most ${MAX_NAME_LENGTH} characters`);
  return { name: stored, approvers: approvers === undefined ? null : approversOf(approvers) };
}

function approversOf({ mode, of }: Approvers): Approvers {
  demand(APPROVAL_MODES.includes(mode), 'requirements.approvers.mode', `must be one of ${APPROVAL_MODES.join(', ')}`);
  demand(of.length >= 1 && of.length <= MOST_APPROVERS, 'requirements.approvers.of', 'must be 1 to 20');
  demand(new Set(of).size === of.length, 'requirements.approvers.of', 'must name each approver once');
  return { mode, of: of.map((id) => storableIdentifier(id, 'pending.requirements.approvers.of')) };
}

function demand(holds: boolean, field: string, message: string): void {
  if (holds) return;
  throw new IdentitySessionError('VALIDATION_FAILED', `pending.${field} ${message}.`, {
    errors: [{ field: `pending.${field}`, message }],
  });
}
