/** Every code that the module answers with, its HTTP status and its title. Codes are stable; texts may change. */
export const ERROR_CATALOGUE = {
  VALIDATION_FAILED: [400, 'The request is not valid'],
  SESSION_MISSING: [401, 'No session was presented'],
  SESSION_INVALID: [401, 'The session is not valid'],
  SESSION_EXPIRED: [401, 'The session has expired'],
  SESSION_REVOKED: [401, 'The session was revoked'],
  SESSION_EVICTED: [401, 'The session was ended by a newer sign-in'],
  SESSION_SIGNED_OUT: [401, 'The session was signed out'],
  SESSION_PENDING: [401, 'The sign-in is not complete'],
  BAD_CREDENTIALS: [401, 'The credentials are not right'],
  SESSION_NOT_FRESH: [403, 'A recent sign-in is needed'],
  ASSURANCE_TOO_LOW: [403, 'A stronger sign-in is needed'],
  CROSS_SITE: [403, 'The request came from another site'],
  FORBIDDEN: [403, 'Not allowed'],
  SESSION_PROTECTED: [403, 'The session is protected'],
  SECOND_APPROVER_NEEDED: [403, 'Somebody else must approve'],
  REFUSED_BY_HOOK: [403, 'The application refuses it'],
  SESSION_NOT_FOUND: [404, 'No such session'],
  JOB_NOT_FOUND: [404, 'No such job'],
  METHOD_NOT_ALLOWED: [405, 'The method is not allowed here'],
  SESSION_LIMIT_REACHED: [409, 'The limit of concurrent sessions is reached'],
  SETTINGS_CONFLICT: [409, 'The settings were changed meanwhile'],
  SESSION_DATA_CONFLICT: [409, "The session's data was changed meanwhile"],
  LOCK_NOT_ACQUIRED: [409, 'Somebody else is at it'],
  UNDO_REFUSED: [409, 'The revocation cannot be undone'],
  ILLEGAL_TRANSITION: [409, 'The session cannot change that way'],
  JOB_STATE_CONFLICT: [409, 'The job cannot change that way any more'],
  SESSION_SUSPENDED: [423, 'The session is suspended'],
  TOO_MANY_REQUESTS: [429, 'Too many requests'],
  CONFIGURATION_INVALID: [500, 'The configuration is not valid'],
  ISOLATION_LEVEL: [500, 'The transaction is of the wrong isolation level'],
  LOCK_REENTERED: [500, 'A lock was asked for from within itself'],
  LOCK_LOST: [503, 'A lock was lost before the work was done'],
  HOOK_FAILED: [503, 'A check of the application failed'],
  SESSION_STORE_UNAVAILABLE: [503, 'The session store is not available'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** What can be told beside the text. Never holds a token or a digest. */
export interface ErrorDetails {
  /** For 503, 429 and LOCK_NOT_ACQUIRED: seconds after which to try again. */
  readonly retryAfterSeconds?: number;
  /** For 405: the methods that the path has. */
  readonly allow?: readonly string[];
  /** For VALIDATION_FAILED: what is wrong, field by field. */
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
  /** Members added to the problem document as they are. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/**
 * The one error class of the module: what failed, the likely cause and the remedy in `message`, a stable `code` and
 * the HTTP `statusCode` that belongs to it.
 */
export class IdentitySessionError extends Error {
  override readonly name = 'IdentitySessionError';
  readonly statusCode: number;
  readonly title: string;

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: ErrorDetails = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    [this.statusCode, this.title] = ERROR_CATALOGUE[code];
  }
}
