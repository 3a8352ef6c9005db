/** Whose tasks these are: a process that can stand still or be gone, or the world outside of all processes. */
export class SimulatedProcess {
  /** Nothing of it runs any more; what it awaited never comes. */
  isGone = false;
  /** None of its tasks runs before. */
  standsStillUntil = Number.NEGATIVE_INFINITY;

  constructor(readonly name: string) {}
}

interface Task {
  at: number;
  readonly order: number;
  readonly process: SimulatedProcess;
  readonly run: () => void;
  isCancelled: boolean;
}

/**
 * Virtual time. Whatever takes time in the simulated world is a task here; the scheduler takes the earliest one, runs
 * it and everything that its promises set off, and only then takes the next. So the same tasks give the same run,
 * whatever the machine does meanwhile.
 */
export class SimulatedScheduler {
  #now = 0;
  #order = 0;
  #ran = 0;
  /** A binary heap by time. */
  readonly #tasks: Task[] = [];

  /** Milliseconds since the beginning of the simulated world: the true time that nobody in it can read. */
  get now(): number {
    return this.#now;
  }

  /** Tasks that have run. */
  get ran(): number {
    return this.#ran;
  }

  /** Runs `task` in `delayMs`, or later where its process stands still, or never where it is gone. */
  schedule(process: SimulatedProcess, delayMs: number, run: () => void): () => void {
    const task = { at: this.#now + Math.max(0, delayMs), order: (this.#order += 1), process, run, isCancelled: false };
    this.#push(task);
    return () => {
      task.isCancelled = true;
    };
  }

  /** Resolves after `delayMs` on the process, or never. */
  pause(process: SimulatedProcess, delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.schedule(process, delayMs, resolve);
    });
  }

  /** Lets `ms` pass. Stops early once `isOver` says so. */
  async advance(ms: number, isOver: () => boolean = () => false): Promise<void> {
    const until = this.#now + ms;
    await drained();
    while (!isOver()) {
      const task = this.#tasks[0];
      if (task === undefined || task.at > until) break;
      this.#pop();
      if (task.isCancelled || task.process.isGone) continue;
      if (task.process.standsStillUntil > task.at) {
        task.at = task.process.standsStillUntil;
        this.#push(task);
        continue;
      }
      this.#now = task.at;
      this.#ran += 1;
      task.run();
      await drained();
    }
    this.#now = Math.max(this.#now, until);
  }

  #push(task: Task): void {
    const heap = this.#tasks;
    let index = heap.push(task) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !isBefore(task, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = task;
  }

  #pop(): void {
    const heap = this.#tasks;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      let child = heap[below];
      const right = heap[below + 1];
      if (child !== undefined && right !== undefined && isBefore(right, child)) {
        child = right;
        below += 1;
      }
      if (child === undefined || !isBefore(child, last)) break;
      heap[index] = child;
      index = below;
    }
    heap[index] = last;
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Node runs a tick's callback when no promise has anything left to do. */
function drained(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}
