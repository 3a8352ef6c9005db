/**
 * Whose sessions a cut-off is about. An absent `tenantId` means any tenant, `null` those without one; an absent `userId`
 * means everybody. A `userId` alone is the user of that id in any tenant; nothing at all is everybody everywhere.
 */
export interface CutOffScope {
  readonly tenantId?: string | null;
  readonly userId?: string;
}

/**
 * "Nothing issued before this moment": ends every session of its scope that was created at `notBefore` or earlier, of the
 * protected ones those that were created at `protectedNotBefore` or earlier.
 */
export interface CutOff {
  readonly scope: CutOffScope;
  /** Milliseconds on the database's clock. For one scope it never goes back. */
  readonly notBefore: number;
  /** The same for protected sessions, and never later. Absent: none of them is meant. */
  readonly protectedNotBefore?: number;
}

/** A cut-off and why it was made, where that is known. */
export interface ReasonedCutOff extends CutOff {
  readonly reason?: string | null;
}

/** A cut-off as it is stored: the latest of its scope. */
export interface StoredCutOff extends CutOff {
  /** Raised by each cut-off of the same scope. */
  readonly version: number;
  readonly reason: string;
  /** The user, or what part of the system, that made it. */
  readonly by: string | null;
}

/** The facts of a session that decide whether a cut-off covers it; they never change. */
export interface Issued {
  readonly tenantId: string | null;
  readonly userId: string;
  readonly createdAt: number;
  readonly isProtected: boolean;
}

/** True where the scope holds the sessions of the user. */
export function isInCutOffScope(
  scope: CutOffScope,
  { tenantId, userId }: Pick<Issued, 'tenantId' | 'userId'>,
): boolean {
  return (
    (scope.tenantId === undefined || scope.tenantId === tenantId) &&
    (scope.userId === undefined || scope.userId === userId)
  );
}

/** True where the cut-off ends the session. */
export function isCutOffBy(cutOff: CutOff, session: Issued): boolean {
  const until = session.isProtected ? cutOff.protectedNotBefore : cutOff.notBefore;
  return until !== undefined && session.createdAt <= until && isInCutOffScope(cutOff.scope, session);
}

/** One text for each scope and no two scopes with one text, whatever the ids hold. */
export function cutOffScopeKey({ tenantId, userId }: CutOffScope): string {
  return JSON.stringify([tenantId === undefined ? [] : [tenantId], userId === undefined ? [] : [userId]]);
}
