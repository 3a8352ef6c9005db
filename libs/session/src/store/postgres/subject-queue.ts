import { Turns } from '../turns.js';
import { unavailable } from './retry.js';

/**
 * Lets the admissions of one subject on this node follow each other, so that they do not each hold a connection while
 * they wait for the subject's lock in the database: a hundred sign-ins of one user must not starve everybody else.
 * What makes limits hold is that lock; this only keeps its queue short.
 */
export class SubjectQueue {
  readonly #turns = new Turns<bigint>();

  constructor(private readonly maxWaitMs: number) {}

  /**
   * Runs `work` once everybody who came before for the same subject is done.
   * @throws IdentitySessionError `SESSION_STORE_UNAVAILABLE` after waiting for `maxWaitMs`; `work` has not run then
   */
  async run<T>(subject: bigint, work: () => Promise<T>): Promise<T> {
    const end = await this.#turns.take(subject, this.maxWaitMs);
    if (end === undefined) {
      throw unavailable(new Error(`waited ${this.maxWaitMs} ms for earlier sign-ins of the same user`));
    }
    try {
      return await work();
    } finally {
      end();
    }
  }
}
