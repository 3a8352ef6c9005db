/** Sessions in one generation. */
const MOST = 100_000;

/**
 * The versions of sessions that this node has read from the change log, for a while: an older record that arrives late
 * is told from a new one by them. Where there are too many to remember, every record is held to be late until the
 * forgotten ones would have been forgotten anyway.
 *
 * They are kept in two generations, and the older one is forgotten as a whole: a bulk change of hundreds of thousands
 * of sessions must not cost more for each than a few ones do.
 */
export class RememberedVersions {
  #younger = new Map<string, number>();
  #older = new Map<string, number>();
  /** Nothing in the older generation was read later. */
  #turnedAt = Number.NEGATIVE_INFINITY;
  #latestAt = Number.NEGATIVE_INFINITY;
  #forgotUntil = Number.NEGATIVE_INFINITY;

  constructor(private readonly lifetimeMs: number) {}

  get size(): number {
    return this.#younger.size + this.#older.size;
  }

  /** Notes a version that was read at `at` (monotonic), for the lifetime at least. */
  note(id: string, version: number, at: number): void {
    this.#latestAt = Math.max(this.#latestAt, at);
    if (at - this.#turnedAt > this.lifetimeMs || this.#younger.size >= MOST) this.#turn();
    this.#younger.set(id, Math.max(version, this.#versionOf(id)));
  }

  /** True for a record that may be older than a change that this node has read; `at` is when the record was asked for. */
  isOutdated(id: string, version: number, at: number): boolean {
    return at < this.#forgotUntil || this.isOlder(id, version);
  }

  /** True for a record that is older than a change that is remembered. */
  isOlder(id: string, version: number): boolean {
    return this.#versionOf(id) > version;
  }

  #versionOf(id: string): number {
    return this.#younger.get(id) ?? this.#older.get(id) ?? 0;
  }

  /** Begins a new generation. Whoever has asked before what is forgotten would have been may be told of the past. */
  #turn(): void {
    if (this.#older.size > 0) this.#forgotUntil = this.#turnedAt + this.lifetimeMs;
    this.#older = this.#younger;
    this.#younger = new Map();
    this.#turnedAt = this.#latestAt;
  }
}
