/** How far this node has followed the change log. */
export interface LogProgress {
  /** True while what was read is recent enough to vouch for everything in memory. */
  holds(monotonic: number, wall: number): boolean;
  /**
   * When the present position was begun from, in milliseconds on the database's clock and never earlier: of what was
   * committed later, nothing is missed. `Infinity` where the log is not followed.
   */
  readonly openedAt: number;
  /** The server that the present position is of: its clock is what times are compared on. Empty before the first. */
  readonly server: string;
  /**
   * As of when everything that was committed has been applied here, in milliseconds on the database's clock and never
   * later. `-Infinity` where the log is not followed.
   */
  readonly appliedAsOf: number;
}

/** Follows nothing. */
export const NO_LOG: LogProgress = {
  holds: () => false,
  openedAt: Number.POSITIVE_INFINITY,
  server: '',
  appliedAsOf: Number.NEGATIVE_INFINITY,
};
