import { fork } from 'node:child_process';

/** Time for the slowest step, which is signing in a thousand sessions on a busy machine. */
const ANSWER_DEADLINE_MS = 120_000;

/** A process of its own that answers each message with exactly one; see `answerWith`. */
export class Child {
  #process;
  #waiting;

  constructor(file, execArgv = []) {
    this.#process = fork(file, [], {
      execArgv,
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#process.on('message', ({ error, value }) => {
      this.#settle(error === undefined ? undefined : new Error(error), value);
    });
    this.#process.on('error', (error) => {
      this.#settle(error);
    });
    this.#process.on('exit', (code, signal) => {
      this.#settle(new Error(`${file} ended (${signal ?? code}) without an answer`));
    });
  }

  /** One at a time. Rejects with what the child threw, and where it ends or is silent for too long. */
  ask(kind, message = {}) {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => {
        this.#settle(new Error(`No answer to "${kind}" for ${ANSWER_DEADLINE_MS} ms`));
      }, ANSWER_DEADLINE_MS);
      this.#waiting = { resolve, reject, deadline };
      this.#process.send({ ...message, kind }, (error) => {
        if (error !== null) this.#settle(error);
      });
    });
  }

  /** Ends the process, whatever it is doing, and waits until it is gone. */
  async end() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await gone;
  }

  #settle(error, value) {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    clearTimeout(waiting.deadline);
    if (error === undefined) waiting.resolve(value);
    else waiting.reject(error);
  }
}

/** The other side: `handlers[kind]` gives the answer to a message. Ends with the parent, however that ends. */
export function answerWith(handlers) {
  process.on('message', async ({ kind, ...message }) => {
    try {
      process.send({ value: await handlers[kind](message) });
    } catch (error) {
      process.send({ error: error.stack });
    }
  });
  process.on('disconnect', () => process.exit());
}
