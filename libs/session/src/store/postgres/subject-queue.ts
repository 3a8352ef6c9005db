import { unavailable } from './retry.js';

/**
 * Lets the admissions of one subject on this node follow each other, so that they do not each hold a connection while
 * they wait for the subject's lock in the database: a hundred sign-ins of one user must not starve everybody else.
 * What makes limits hold is that lock; this only keeps its queue short.
 */
export class SubjectQueue {
  /** When the last admission of a subject will be over; never rejects. */
  readonly #tails = new Map<bigint, Promise<void>>();

  constructor(private readonly maxWaitMs: number) {}

  /**
   * Runs `work` once everybody who came before for the same subject is done.
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE` after waiting for `maxWaitMs`; `work` has not run then
   */
  async run<T>(subject: bigint, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(subject);
    let done: () => void = () => undefined;
    const mine = new Promise<void>((resolve) => (done = resolve));
    // Whoever comes next waits for those before us too, even if we give up.
    const tail = before === undefined ? mine : before.then(() => mine);
    this.#tails.set(subject, tail);
    void tail.then(() => {
      if (this.#tails.get(subject) === tail) this.#tails.delete(subject);
    });
    try {
      if (before !== undefined) await this.#turn(before);
      return await work();
    } finally {
      done();
    }
  }

  #turn(before: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(unavailable(new Error(`waited ${this.maxWaitMs} ms for earlier sign-ins of the same user`)));
      }, this.maxWaitMs);
      void before.then(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
