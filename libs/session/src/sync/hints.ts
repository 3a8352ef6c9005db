/**
 * Tells the other nodes that there is something to read in the change log. A hint carries nothing and promises nothing:
 * lost, doubled or forged it is harmless, because the log is what counts.
 */
export interface HintPublisher {
  /** Returns at once; what fails is only slower. */
  publish(): void;
}

/** No hints: the other nodes find changes when they read the log by themselves. */
export const NO_HINTS: HintPublisher = { publish: () => undefined };

/**
 * One hint on its way at a time, and one more remembered: what happens while a hint is sent may have come too late for
 * those who read because of it.
 */
export class CoalescedHints implements HintPublisher {
  /** Since the node began. */
  readonly counts = { sent: 0, failures: 0 };
  #isSending = false;
  #isWanted = false;

  constructor(
    private readonly send: () => Promise<unknown>,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  publish(): void {
    this.#isWanted = true;
    if (!this.#isSending) void this.#sendWhileWanted();
  }

  async #sendWhileWanted(): Promise<void> {
    this.#isSending = true;
    while (this.#isWanted) {
      this.#isWanted = false;
      this.counts.sent += 1;
      await this.send().catch((error: unknown) => {
        this.counts.failures += 1;
        this.onFailure(error);
      });
    }
    this.#isSending = false;
  }
}
