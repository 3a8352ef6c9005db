import { IdentitySessionError } from '../../core/errors.js';
import type { SessionScope } from '../../store/session-store.js';
import { storableIdentifier } from '../../store/storable-text.js';

/**
 * Whose settings are asked for, within a right: what is not said means all that the right has. `null` is everybody.
 * @throws IdentitySessionError `FORBIDDEN` for what goes beyond it, `VALIDATION_FAILED` for an id that cannot be stored
 */
export function settingsTenantOf(asked: string | null | undefined, right: SessionScope): string | null {
  const tenantId = asked === undefined || asked === null ? asked : storableIdentifier(asked, 'tenantId');
  if (right.kind === 'all') return tenantId ?? null;
  if (right.kind === 'tenant' && (tenantId === undefined || tenantId === right.tenantId)) return right.tenantId;
  throw new IdentitySessionError('FORBIDDEN', 'You may not see or change the settings of others than your tenant.');
}
