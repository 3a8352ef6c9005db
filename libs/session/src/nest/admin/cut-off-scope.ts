import type { CutOffScope } from '../../core/cut-off.js';
import { IdentitySessionError } from '../../core/errors.js';
import type { SessionScope } from '../../store/session-store.js';
import { storableIdentifier } from '../../store/storable-text.js';

/**
 * What is asked for, within a right: what is not said means all that the right has.
 * @throws IdentitySessionError `FORBIDDEN` for what goes beyond it, `VALIDATION_FAILED` for ids that cannot be stored
 */
export function cutOffScopeOf(asked: CutOffScope, right: SessionScope): CutOffScope {
  const tenantId = within(tenantOf(asked), right.kind === 'all' ? undefined : right.tenantId);
  const userId = within(
    asked.userId === undefined ? undefined : storableIdentifier(asked.userId, 'userId'),
    right.kind === 'user' ? right.userId : undefined,
  );
  return { ...(tenantId === undefined ? {} : { tenantId }), ...(userId === undefined ? {} : { userId }) };
}

function tenantOf({ tenantId }: CutOffScope): string | null | undefined {
  return tenantId === undefined || tenantId === null ? tenantId : storableIdentifier(tenantId, 'tenantId');
}

/** Where nothing is asked for, what is allowed; where nothing is laid down, what is asked for. */
function within<T>(asked: T | undefined, allowed: T | undefined): T | undefined {
  if (asked === undefined) return allowed;
  if (allowed === undefined || asked === allowed) return asked;
  throw new IdentitySessionError('FORBIDDEN', 'You may not end sessions outside of what you administrate.');
}
