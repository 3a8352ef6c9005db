const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Keeps calls away from what has just failed, so that not each of them waits for the same deadline: for a while that
 * doubles with each failure, and then for all but one, whose outcome decides.
 */
export class Breaker {
  #failures = 0;
  #closedUntil = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly monotonic: () => number,
    private readonly random: () => number,
  ) {}

  /** Whether a call may be made now. Whoever is told so makes it, and reports how it ended. */
  admits(): boolean {
    if (this.#failures === 0) return true;
    if (this.monotonic() < this.#closedUntil) return false;
    this.#pause();
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** Of calls that were under way together, the first counts. */
  failed(): void {
    if (this.#failures === 0 || this.monotonic() >= this.#closedUntil) this.#pause();
  }

  #pause(): void {
    const longest = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures += 1;
    this.#closedUntil = this.monotonic() + longest * (0.5 + this.random() / 2);
  }
}
