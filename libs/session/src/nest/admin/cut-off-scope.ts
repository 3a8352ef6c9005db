import type { CutOffScope } from '../../core/cut-off.js';
import { IdentitySessionError } from '../../core/errors.js';
import { unknownScope } from '../../store/session-scope.js';
import type { SessionScope } from '../../store/session-store.js';
import { storableIdentifier } from '../../store/storable-text.js';

/**
 * What is asked for, within a right: what is not said means all that the right has. Of a right that is several, what is
 * asked for must be within one and mean the same in all: nobody's sessions end because of what was not said.
 * @throws IdentitySessionError `FORBIDDEN` for what goes beyond it, `VALIDATION_FAILED` for ids that cannot be stored
 */
export function cutOffScopeOf(asked: CutOffScope, right: SessionScope): CutOffScope {
  const tenantId = tenantOf(asked);
  const userId = asked.userId === undefined ? undefined : storableIdentifier(asked.userId, 'userId');
  const meant = meanings(tenantId, userId, right);
  const [first] = meant;
  if (first === undefined) throw forbidden('You may not end sessions outside of what you administrate.');
  const exact = meant.find((scope) => scope.tenantId === tenantId && scope.userId === userId);
  if (exact !== undefined) return exact;
  if (meant.some((scope) => scope.tenantId !== first.tenantId || scope.userId !== first.userId)) {
    throw forbidden('Say whose sessions shall end: you administrate several.');
  }
  return first;
}

/**
 * Holds what is cut off against a further right.
 * @throws IdentitySessionError `FORBIDDEN` where that does not hold all of it
 */
export function demandWithin(scope: CutOffScope, right: SessionScope): void {
  const { tenantId, userId } = scope;
  const isWithin = meanings(tenantId, userId, right).some(
    (meant) => meant.tenantId === tenantId && meant.userId === userId,
  );
  if (!isWithin) throw forbidden('You may not end all protected sessions of those.');
}

type Asked<T> = T | undefined;

/** What the question can mean within the right; nothing where it goes beyond. */
function meanings(tenantId: Asked<string | null>, userId: Asked<string>, right: SessionScope): CutOffScope[] {
  const within = (tenant: Asked<string | null>, user: Asked<string>): CutOffScope[] => {
    if (goesBeyond(tenantId, tenant) || goesBeyond(userId, user)) return [];
    // "Those without a tenant" is not "any".
    const meantTenant = tenantId === undefined ? tenant : tenantId;
    const meantUser = userId ?? user;
    return [
      {
        ...(meantTenant === undefined ? {} : { tenantId: meantTenant }),
        ...(meantUser === undefined ? {} : { userId: meantUser }),
      },
    ];
  };
  switch (right.kind) {
    case 'all':
      return within(undefined, undefined);
    case 'tenant':
      return within(right.tenantId, undefined);
    case 'user':
      return within(right.tenantId, right.userId);
    case 'users':
      return right.users.flatMap((user) => within(user.tenantId, user.userId));
    case 'impersonator':
      // A cut-off ends all sessions of a user, and these are some of them.
      return [];
    case 'any':
      return right.of.flatMap((part) => meanings(tenantId, userId, part));
    default:
      throw unknownScope(right);
  }
}

function goesBeyond<T>(asked: Asked<T>, allowed: Asked<T>): boolean {
  return asked !== undefined && allowed !== undefined && asked !== allowed;
}

function forbidden(message: string): IdentitySessionError {
  return new IdentitySessionError('FORBIDDEN', message);
}

function tenantOf({ tenantId }: CutOffScope): string | null | undefined {
  return tenantId === undefined || tenantId === null ? tenantId : storableIdentifier(tenantId, 'tenantId');
}
