import { unknownScope } from './session-scope.js';
import type { SessionScope } from './session-store.js';

const EVERYBODY = '*';

/** What a scope consists of, as texts that can be compared; none where it reaches nobody. */
export function partsOfScope(scope: SessionScope): string[] {
  return [...new Set(parts(scope))];
}

function parts(scope: SessionScope): string[] {
  switch (scope.kind) {
    case 'all':
      return [EVERYBODY];
    case 'tenant':
      return [`t${scope.tenantId}`];
    case 'user':
      return [userPart('s', scope)];
    case 'users':
      return scope.users.map((user) => userPart('s', user));
    case 'impersonator':
      return [userPart('i', scope)];
    case 'any':
      return scope.of.flatMap(parts);
    default:
      throw unknownScope(scope);
  }
}

/** The parts that somebody with the right could have given: these texts, and whatever begins with one of the prefixes. */
export interface ScopeReach {
  readonly isAll: boolean;
  readonly exact: readonly string[];
  readonly prefixes: readonly string[];
}

/** Whoever administrates a tenant reaches its users one by one too. */
export function reachOf(right: SessionScope): ScopeReach {
  const exact = partsOfScope(right);
  return {
    isAll: exact.includes(EVERYBODY),
    exact,
    prefixes: exact.filter((part) => part.startsWith('t')).map((part) => tenantPrefix('s', part.slice(1))),
  };
}

/** True where a right covers a whole scope, given by its parts; what reaches nobody is nobody's but everybody's. */
export function reaches({ isAll, exact, prefixes }: ScopeReach, scopeParts: readonly string[]): boolean {
  if (isAll) return true;
  return (
    scopeParts.length > 0 &&
    scopeParts.every((part) => exact.includes(part) || prefixes.some((prefix) => part.startsWith(prefix)))
  );
}

/** By the length of the tenant, so that no tenant and user are taken for others; `null` is no tenant of any name. */
function tenantPrefix(kind: string, tenantId: string | null): string {
  return `${kind}${tenantId === null ? '-' : tenantId.length}:${tenantId ?? ''}`;
}

function userPart(kind: string, { tenantId, userId }: { tenantId: string | null; userId: string }): string {
  return tenantPrefix(kind, tenantId) + userId;
}
