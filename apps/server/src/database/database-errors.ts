import { HttpException } from '@nestjs/common';
import { IdentitySessionError, sqlStateOf } from 'nestjs-identity-session';

const UNIQUE_VIOLATION = '23505';
/** serialization_failure, deadlock_detected: nothing has happened, trying again is safe. */
const CONFLICTS = ['40001', '40P01'];
/**
 * Classes of SQLSTATE that tell of a bug or of the data rather than of a database in trouble: data exception, integrity
 * violation, syntax or access rule.
 */
const OWN_FAULT = /^(?:22|23|42)/;
const RETRY_AFTER_SECONDS = 1;

export function isUniqueViolation(error: unknown): boolean {
  return sqlStateOf(error) === UNIQUE_VIOLATION;
}

export function isConflict(error: unknown): boolean {
  return CONFLICTS.includes(sqlStateOf(error) ?? '');
}

/**
 * Runs database work of the server's own.
 * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE` where the database did not answer or could not; errors of
 * the application, and mistakes of ours, pass through
 */
export async function onDatabase<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isOfApplication(error) || OWN_FAULT.test(sqlStateOf(error) ?? '')) throw error;
    throw new IdentitySessionError(
      'SESSION_STORE_UNAVAILABLE',
      'The database did not answer. Nothing has been changed; try again.',
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
      error,
    );
  }
}

/** The driver throws plain errors for connections that fail, so what is known not to be its own is told apart. */
function isOfApplication(error: unknown): boolean {
  const known = [IdentitySessionError, HttpException, TypeError, RangeError, ReferenceError];
  return !(error instanceof Error) || known.some((kind) => error instanceof kind);
}
