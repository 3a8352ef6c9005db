export interface HintProbePorts {
  readonly send: (text: string) => Promise<unknown>;
  /** A short text that nobody can guess and that has not been before. */
  readonly nonce: () => string;
  /** Milliseconds that only go forward. */
  readonly monotonic: () => number;
  /** Calls `task` once after `delayMs`; the answer cancels it. */
  readonly schedule: (task: () => void, delayMs: number) => () => void;
  /** Told when hints begin or cease to arrive, and what the first probe has found. */
  readonly onChange: (arrive: boolean) => void;
}

/** What is known of the way that hints take. */
export interface HintReport {
  /** `null` before the first probe has ended. */
  readonly arrive: boolean | null;
  /** What the last probe that arrived took from sending to hearing. */
  readonly roundTripMs: number | null;
}

/** So that the probes of others wake nobody. */
const PREFIX = 'probe:';
/** A hint that takes longer is of no use: by then the log has been read anyway. */
const ARRIVES_WITHIN_MS = 1_000;
const INTERVAL_MS = 60_000;
/** While hints do not arrive, whoever repairs that wants to see it soon. */
const INTERVAL_WHILE_CUT_MS = 5_000;

/**
 * Finds out whether hints arrive: sends itself one that nobody else can have sent, every minute and whenever the
 * connection is new. Without hints everything stays right and only becomes slower, so nobody else would notice.
 */
export class HintProbe {
  #awaited: { readonly text: string; readonly sentAt: number } | undefined;
  #arrive: boolean | null = null;
  #roundTripMs: number | null = null;
  #isRunning = false;
  #cancel: () => void = () => undefined;

  constructor(private readonly ports: HintProbePorts) {}

  /** Probes now, and from now on. */
  start(): void {
    this.#isRunning = true;
    this.#cancel();
    const text = PREFIX + this.ports.nonce();
    this.#awaited = { text, sentAt: this.ports.monotonic() };
    this.#cancel = this.ports.schedule(() => {
      this.#ended(false);
    }, ARRIVES_WITHIN_MS);
    // What could not be sent does not arrive; a send that fails late may have been heard all the same.
    this.ports.send(text).catch(() => undefined);
  }

  /** Something speaks against it that hints arrive: finds out now, unless it is about to anyway. */
  suspect(): void {
    if (this.#isRunning && this.#awaited === undefined && this.#arrive === true) this.start();
  }

  stop(): void {
    this.#isRunning = false;
    this.#awaited = undefined;
    this.#cancel();
  }

  /** True where the message is a probe, of this node or another, and so tells of nothing else. */
  hear(text: string): boolean {
    if (!text.startsWith(PREFIX)) return false;
    if (this.#awaited?.text !== text) return true;
    this.#roundTripMs = this.ports.monotonic() - this.#awaited.sentAt;
    this.#cancel();
    this.#ended(true);
    return true;
  }

  report(): HintReport {
    return { arrive: this.#arrive, roundTripMs: this.#roundTripMs };
  }

  #ended(arrives: boolean): void {
    this.#awaited = undefined;
    const isNews = this.#arrive !== arrives;
    this.#arrive = arrives;
    if (this.#isRunning) {
      this.#cancel = this.ports.schedule(
        () => {
          this.start();
        },
        arrives ? INTERVAL_MS : INTERVAL_WHILE_CUT_MS,
      );
    }
    if (isNews) this.ports.onChange(arrives);
  }
}
