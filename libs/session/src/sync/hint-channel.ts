import { HintProbe, type HintProbePorts, type HintReport } from './hint-probe.js';
import { CoalescedHints, type HintPublisher, type HintTransport } from './hints.js';

export interface HintChannelPorts extends Omit<HintProbePorts, 'send'> {
  /** Told of hints that could not be sent. */
  readonly onFailure: (error: unknown) => void;
}

/** What a hint says. Nobody reads it. */
const HINT = '';

/**
 * Hints between nodes, over whichever transport: those of one moment become one, and a probe tells whether they arrive.
 * Whatever arrives wakes, however strange it is, since what it wakes to is one small read at most.
 */
export class HintChannel implements HintPublisher {
  readonly #hints: CoalescedHints;
  readonly #probe: HintProbe;

  constructor(
    private readonly transport: HintTransport,
    ports: HintChannelPorts,
  ) {
    this.#hints = new CoalescedHints(
      () => transport.send(HINT),
      (error) => {
        this.#probe.suspect();
        ports.onFailure(error);
      },
    );
    this.#probe = new HintProbe({ ...ports, send: (text) => transport.send(text) });
  }

  publish(): void {
    this.#hints.publish();
  }

  /** Listens until stopped. `onHint` is called for each hint, and once when it listens anew: some may have been missed. */
  start(onHint: () => void): void {
    // Also where listening never begins, somebody must be told.
    this.#probe.start();
    this.transport.open({
      onMessage: (text) => {
        if (!this.#probe.hear(text)) onHint();
      },
      onOpen: () => {
        this.#probe.start();
        onHint();
      },
    });
  }

  async stop(): Promise<void> {
    this.#probe.stop();
    await this.transport.close();
  }

  get counts(): CoalescedHints['counts'] {
    return this.#hints.counts;
  }

  report(): HintReport {
    return this.#probe.report();
  }
}
