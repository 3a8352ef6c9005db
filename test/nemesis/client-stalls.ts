import { runNow } from './clock.js';
import type { Absence } from './evidence.js';

/** Under this name the process of the clients is absent where it had no time to listen. */
export const CLIENTS = 'the clients';

/** What is read within this behind a stall had to wait for its end, too. */
export const LOOK_EVERY_MS = 20;
const STALL_MS = 30;

/** Notes when this process did not come to read what had arrived: that an answer was late is nobody else's fault then. */
export class ClientStalls {
  readonly absences: Absence[] = [];
  #timer: NodeJS.Timeout | undefined;
  #last = 0;

  start(): void {
    this.#last = runNow();
    this.#timer = setInterval(() => {
      const now = runNow();
      if (now - this.#last > LOOK_EVERY_MS + STALL_MS) {
        this.absences.push({ node: CLIENTS, from: this.#last + LOOK_EVERY_MS, until: now });
      }
      this.#last = now;
    }, LOOK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
