/**
 * Tells the other nodes that there is something to read in the change log. A hint carries nothing and promises nothing:
 * lost, doubled or forged it is harmless, because the log is what counts.
 */
export interface HintPublisher {
  /** Returns at once; what fails is only slower. */
  publish(): void;
}

/** Who is told of hints that arrive. */
export interface HintListener {
  /** A message, from whomever: its text is nothing to rely on. */
  onMessage(text: string): void;
  /** It listens, for the first time or again; what was sent before may not have been heard. */
  onOpen(): void;
}

/**
 * The way that hints take between nodes. Whoever sends hears the message too, which is how a probe tells that the way is
 * open.
 */
export interface HintTransport {
  /** Rejects where the message could not be sent within a deadline of its own. */
  send(text: string): Promise<unknown>;
  /** Listens until it is closed, and connects anew by itself. */
  open(listener: HintListener): void;
  /** Never rejects, and takes a bounded time. */
  close(): Promise<void>;
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
