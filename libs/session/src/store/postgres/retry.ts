import { IdentitySessionError } from '../../core/errors.js';

/** Conflicts of transactions: nothing has happened, trying again is safe. serialization_failure, deadlock_detected. */
const CONFLICT_STATES = new Set(['40001', '40P01']);
const UNIQUE_VIOLATION = '23505';
const MOST_CONFLICT_RETRIES = 8;
const MOST_LOST_ANSWERS = 2;

/** Seconds that a client is told to wait while the database is away. */
const RETRY_AFTER_SECONDS = 1;

/** The SQLSTATE of an error, wherever TypeORM has put the driver's error. */
export function sqlStateOf(error: unknown): string | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; depth += 1) {
    const { code, driverError } = cause as { code?: unknown; driverError?: unknown };
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
    cause = driverError ?? cause.cause;
  }
  return undefined;
}

/**
 * Runs `attempt` until it succeeds, a conflict lasts, or the store is away. Whether an attempt that lost its connection
 * has committed is unknown, so `attempt` must be able to recognise its own work: it is told which attempt it is. Once
 * `isOver`, nothing is tried again.
 *
 * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE` with the driver's error as cause; the module's own errors
 * pass through.
 */
export async function withRetry<T>(
  attempt: (attemptNumber: number) => Promise<T>,
  isOver: () => boolean = () => false,
): Promise<T> {
  let conflicts = 0;
  let lost = 0;
  for (let attemptNumber = 1; ; attemptNumber += 1) {
    try {
      return await attempt(attemptNumber);
    } catch (error) {
      if (error instanceof IdentitySessionError || isMistake(error)) throw error;
      if (isOver()) throw unavailable(error);
      const state = sqlStateOf(error);
      if (state !== undefined && CONFLICT_STATES.has(state) && conflicts < MOST_CONFLICT_RETRIES) {
        conflicts += 1;
        await pause(2 ** conflicts * Math.random());
      } else if (state === UNIQUE_VIOLATION && lost < MOST_LOST_ANSWERS) {
        lost += 1;
      } else if (isLostConnection(error, state) && lost < MOST_LOST_ANSWERS) {
        lost += 1;
      } else {
        throw unavailable(error);
      }
    }
  }
}

/** The store failed, whatever the driver calls it. */
export function unavailable(cause: unknown): IdentitySessionError {
  return new IdentitySessionError(
    'SESSION_STORE_UNAVAILABLE',
    'The session store did not answer. Try again.',
    { retryAfterSeconds: RETRY_AFTER_SECONDS },
    cause,
  );
}

/** A mistake in code is no store that is away. By name, since errors may come from another realm. */
function isMistake(error: unknown): boolean {
  return error instanceof Error && ['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError'].includes(error.name);
}

/** An answer that never came: connection exceptions, a server that goes down, or a driver's error without a state. */
function isLostConnection(error: unknown, state: string | undefined): boolean {
  if (state !== undefined) return state.startsWith('08') || state.startsWith('57P');
  const code = (error as { code?: unknown }).code;
  return code !== 'ECONNREFUSED' && code !== 'ETIMEDOUT' && code !== 'ENOENT';
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
