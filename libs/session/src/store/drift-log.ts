/** A session was used from elsewhere. */
export interface Drift {
  readonly kind: 'address' | 'user_agent';
  /** The network, or the user agent, that it was used from. */
  readonly to: string;
}

/** Of one session, this many are recorded: whoever changes with every request must not fill the log. */
export const MOST_DRIFTS = 50;

/**
 * What a store that records drift can do; not every store does. A record is a row of type `drifted` in the log, whose
 * reason is the kind. It changes nothing about the session and raises no version.
 */
export interface DriftLogStore {
  /**
   * Records that a live session was used from elsewhere, unless that was recorded of it before. Two nodes that see it in
   * the same moment may both record it. True where a row was written.
   */
  recordDrift(id: string, drift: Drift): Promise<boolean>;
}

/** True for a store that records drift. */
export function recordsDrift(store: object): store is DriftLogStore {
  return 'recordDrift' in store;
}
