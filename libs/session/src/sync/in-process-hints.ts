import type { HintListener, HintTransport } from './hints.js';

/** The ES module and the CommonJS build of this file share it, as their modules may share a process. */
const LISTENERS = Symbol.for('nestjs-identity-session:in-process-hints');

/**
 * Hints between modules of one process: a single-process application with several of them, and tests. All of them hear
 * each other, on whatever database they are; a hint too many costs one small read.
 */
export class InProcessHints implements HintTransport {
  #listener: HintListener | undefined;

  send(text: string): Promise<void> {
    // Later, as from a network: nobody may rely on having been heard when the call returns.
    setImmediate(() => {
      for (const listener of listeners()) listener.onMessage(text);
    });
    return Promise.resolve();
  }

  open(listener: HintListener): void {
    this.#listener = listener;
    listeners().add(listener);
    listener.onOpen();
  }

  close(): Promise<void> {
    if (this.#listener !== undefined) listeners().delete(this.#listener);
    this.#listener = undefined;
    return Promise.resolve();
  }
}

function listeners(): Set<HintListener> {
  const shared = globalThis as unknown as Record<symbol, Set<HintListener> | undefined>;
  return (shared[LISTENERS] ??= new Set());
}
