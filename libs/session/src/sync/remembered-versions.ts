/** Sessions whose versions are remembered at once. */
const MOST = 100_000;

/**
 * The versions of sessions that this node has read from the change log, for a while: an older record that arrives late
 * is told from a new one by them. Where there are too many to remember, every record is held to be late until the
 * forgotten ones would have been forgotten anyway.
 */
export class RememberedVersions {
  /** In the order in which they were read, so that the oldest come first. */
  readonly #versions = new Map<string, { readonly version: number; readonly at: number }>();
  #forgotUntil = Number.NEGATIVE_INFINITY;

  constructor(private readonly lifetimeMs: number) {}

  get size(): number {
    return this.#versions.size;
  }

  /** Notes a version that was read at `at` (monotonic). */
  note(id: string, version: number, at: number): void {
    const present = this.#versions.get(id);
    this.#versions.delete(id);
    this.#versions.set(id, { version: Math.max(version, present?.version ?? 0), at });
    this.#forget(at);
  }

  /** True for a record that may be older than a change that this node has read. */
  isOutdated(id: string, version: number, at: number): boolean {
    return at < this.#forgotUntil || this.isOlder(id, version);
  }

  /** True for a record that is older than a change that is remembered. */
  isOlder(id: string, version: number): boolean {
    const remembered = this.#versions.get(id);
    return remembered !== undefined && remembered.version > version;
  }

  #forget(now: number): void {
    for (const [id, { at }] of this.#versions) {
      const isOld = now - at > this.lifetimeMs;
      if (!isOld && this.#versions.size <= MOST) return;
      if (!isOld) this.#forgotUntil = now + this.lifetimeMs;
      this.#versions.delete(id);
    }
  }
}
