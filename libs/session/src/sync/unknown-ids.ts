/** Ids that are remembered at once. */
const MOST = 10_000;

/**
 * Ids that no session had when the primary was asked a moment ago, so that whoever keeps presenting one does not keep
 * the database busy. Bounded; the oldest go first.
 */
export class UnknownIds {
  /** Until when (monotonic), in the order of the answers. */
  readonly #until = new Map<string, number>();

  constructor(private readonly lifetimeMs: number) {}

  /** Notes that no session had the id at `at` (monotonic). */
  note(id: string, at: number): void {
    this.#until.delete(id);
    this.#until.set(id, at + this.lifetimeMs);
    if (this.#until.size <= MOST) return;
    const [oldest] = this.#until.keys();
    if (oldest !== undefined) this.#until.delete(oldest);
  }

  has(id: string, now: number): boolean {
    const until = this.#until.get(id);
    if (until === undefined) return false;
    if (now < until) return true;
    this.#until.delete(id);
    return false;
  }

  /** A session with the id has begun. */
  forget(id: string): void {
    this.#until.delete(id);
  }

  clear(): void {
    this.#until.clear();
  }
}
