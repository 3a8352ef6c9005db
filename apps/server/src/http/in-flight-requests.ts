import type { Server, ServerResponse } from 'node:http';

/** Knows how many requests a server is answering, so that it can be closed behind the last one. */
export class InFlightRequests {
  #count = 0;
  #closing = false;
  #whenNone: (() => void) | undefined;

  constructor(private readonly server: Server) {
    server.on('request', (_request, response: ServerResponse) => {
      this.#count += 1;
      response.once('close', () => {
        this.#ended();
      });
    });
  }

  /** Takes no more connections, and waits until all requests are answered, or for `patienceMs`. */
  async drain(patienceMs: number): Promise<void> {
    this.#closing = true;
    this.server.close();
    this.server.closeIdleConnections();
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      this.#whenNone = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #ended(): void {
    this.#count -= 1;
    if (!this.#closing) return;
    this.server.closeIdleConnections();
    if (this.#count === 0) this.#whenNone?.();
  }
}
