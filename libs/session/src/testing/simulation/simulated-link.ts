import { IdentitySessionError } from '../../core/errors.js';
import type { SimulatedDatabase } from './simulated-database.js';
import type { SimulatedProcess } from './simulated-scheduler.js';
import type { SimulatedWorld } from './simulated-world.js';

/** A way from one node to the database, with faults of its own: a pool of connections, or the tail's connection. */
export class SimulatedLink {
  readonly #open = new Set<(error: Error) => void>();
  #breaks: (() => void)[] = [];
  #cutUntil = Number.NEGATIVE_INFINITY;
  #slowUntil = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly world: SimulatedWorld,
    private readonly database: SimulatedDatabase,
    private readonly client: SimulatedProcess,
    private readonly timer: (task: () => void, delayMs: number) => () => void,
    private readonly deadlineMs: number,
  ) {
    database.onCrash((isHidden) => {
      this.#fail('The database has gone away.', !isHidden);
    });
  }

  /** Runs something at the database. The request, the answer or both may be late or lost; then it may have run or not. */
  call<T>(run: () => Promise<T>): Promise<T> {
    const { scheduler } = this.world;
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void): void => {
        cancel();
        this.#open.delete(fail);
        outcome();
      };
      const fail = (error: Error): void => {
        scheduler.schedule(this.client, this.world.hop(), () => {
          settle(() => {
            reject(unavailable(error));
          });
        });
      };
      const cancel = this.timer(() => {
        fail(new Error(`no answer within ${this.deadlineMs} ms`));
      }, this.deadlineMs);
      this.#open.add(fail);
      const answer = (outcome: () => void): void => {
        if (this.#isCut()) return;
        scheduler.schedule(this.client, this.#delay(), () => {
          // Cut while it was on its way.
          if (!this.#isCut()) settle(outcome);
        });
      };
      scheduler.schedule(this.world.outside, this.#delay(), () => {
        if (this.#isCut()) return;
        if (this.database.isDown) {
          fail(new Error('connection refused'));
          return;
        }
        run().then(
          (value) => {
            answer(() => {
              resolve(value);
            });
          },
          (error: unknown) => {
            answer(() => {
              reject(unavailable(error));
            });
          },
        );
      });
    });
  }

  /** Nothing gets through for so long. Where it is not silent, whoever waits is told. */
  cut(forMs: number, isSilent: boolean): void {
    this.#cutUntil = this.world.now + forMs;
    if (!isSilent) this.#fail('The connection was cut.', true);
  }

  /** Requests and answers take up to the deadline and more. */
  slow(forMs: number): void {
    this.#slowUntil = this.world.now + forMs;
  }

  heal(): void {
    this.#cutUntil = Number.NEGATIVE_INFINITY;
    this.#slowUntil = Number.NEGATIVE_INFINITY;
  }

  /** Calls `broken` once, when the connections that are open now break. */
  onBreak(broken: () => void): void {
    this.#breaks.push(broken);
  }

  #fail(message: string, doesBreak: boolean): void {
    for (const fail of this.#open) fail(new Error(message));
    this.#open.clear();
    if (!doesBreak) return;
    for (const broken of this.#breaks.splice(0)) broken();
  }

  #isCut(): boolean {
    return this.world.now < this.#cutUntil;
  }

  #delay(): number {
    const { random } = this.world;
    return this.world.now < this.#slowUntil && random.chance(0.5)
      ? random.between(0, this.deadlineMs)
      : this.world.hop();
  }
}

function unavailable(cause: unknown): IdentitySessionError {
  if (cause instanceof IdentitySessionError) return cause;
  const details = { retryAfterSeconds: 1 };
  return new IdentitySessionError('SESSION_STORE_UNAVAILABLE', 'The database did not answer.', details, cause);
}
