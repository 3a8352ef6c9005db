/**
 * What becomes of a session that is used from elsewhere: nothing; a row in the log; 403 `SESSION_NOT_FRESH` until the user
 * has authenticated again from there; or its end, for the reason `drift`.
 */
export type DriftReaction = 'ignore' | 'record' | 'step-up' | 'end';

export const DRIFT_REACTIONS: readonly DriftReaction[] = ['ignore', 'record', 'step-up', 'end'];

/** What is compared of a session's requests, and what follows where it has changed. */
export interface DriftOptions {
  /** The address, compared with that of the access before. Default `ignore`. */
  readonly address?: DriftReaction;
  /** The user agent, compared with that of the sign-in or the last re-authentication. Default `record`. */
  readonly userAgent?: DriftReaction;
  /** What of an address is compared. Default: its /24, or /48 with IPv6. Must be quick and must not throw. */
  readonly networkOf?: (address: string) => string;
  /** What of a user agent is compared. Default: all but versions. Must be quick and must not throw. */
  readonly agentOf?: (userAgent: string) => string;
}

export type ResolvedDriftOptions = Required<DriftOptions>;
