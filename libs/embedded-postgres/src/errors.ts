/** The codes of {@link EmbeddedPostgresError}. Codes are stable; texts may change. */
export type EmbeddedPostgresErrorCode =
  | 'INVALID_OPTIONS'
  | 'UNSUPPORTED_PLATFORM'
  | 'BINARIES_MISSING'
  | 'BINARIES_UNUSABLE'
  | 'NO_UNPRIVILEGED_USER'
  | 'DATA_DIR_UNREACHABLE'
  | 'ALREADY_RUNNING'
  | 'CLUSTER_INCOMPATIBLE'
  | 'CLUSTER_DAMAGED'
  | 'PASSWORD_REJECTED'
  | 'INITDB_FAILED'
  | 'PORT_TAKEN'
  | 'START_FAILED'
  | 'STOP_FAILED';

/** What can be told beside the text. */
export interface EmbeddedPostgresErrorDetails {
  /** For ALREADY_RUNNING: the process that owns the data directory. */
  readonly ownerPid?: number;
  /** For ALREADY_RUNNING: where the running server answers. Holds the password. Absent while it still starts. */
  readonly url?: string;
}

/** The one error class of the launcher: what failed, the likely cause and the remedy in `message`, a stable `code`. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';

  constructor(
    readonly code: EmbeddedPostgresErrorCode,
    message: string,
    readonly details: EmbeddedPostgresErrorDetails = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

/** The `code` of a system or PostgreSQL error (`ENOENT`, `57P03`), or undefined when it has none. */
export function codeOf(error: unknown): string | undefined {
  // Not by instanceof: in a vm context, as in Jest, Node's own errors are of another realm.
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
