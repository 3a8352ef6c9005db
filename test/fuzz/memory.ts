/** What a process held at one moment, in bytes, and how far the run was, from 0 to 1. */
interface Sample {
  readonly progress: number;
  readonly heap: number;
  readonly resident: number;
}

const MIB = 1_048_576;
/** Behind it caches, code and connections are what they stay. */
const WARM_FROM = 0.3;
const WARM_UNTIL = 0.5;
const END_FROM = 0.8;
/** What the heap's low may grow by, relatively and beside: sessions that live are kept in memory on purpose. */
const GROWTH = 1.25;
const HEAP_ALLOWANCE = 24 * MIB;
const RESIDENT_ALLOWANCE = 64 * MIB;

/** The memory of a server over a run: flat where what it holds after the warm-up is what it holds at the end. */
export class Memory {
  readonly #samples: Sample[] = [];

  /** Reads `/metrics`; what is not answered is not a sample. */
  async sample(url: string, progress: number): Promise<void> {
    const answer = await fetch(`${url}/metrics`).catch(() => undefined);
    if (answer?.ok !== true) return;
    const text = await answer.text();
    const read = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
    const heap = read('nodejs_heap_size_used_bytes');
    const resident = read('process_resident_memory_bytes');
    this.#samples.push({ progress, heap, resident });
  }

  /** The lows of both windows, for people. */
  get text(): string {
    const part = (of: 'heap' | 'resident'): string =>
      `${inMib(this.#low(of, WARM_FROM, WARM_UNTIL))} -> ${inMib(this.#low(of, END_FROM, 1))} MiB`;
    return `heap ${part('heap')}, resident ${part('resident')} (lows after warm-up and at the end, ${this.#samples.length} samples)`;
  }

  get isFlat(): boolean {
    return this.#isFlat('heap', HEAP_ALLOWANCE) && this.#isFlat('resident', RESIDENT_ALLOWANCE);
  }

  #isFlat(of: 'heap' | 'resident', allowance: number): boolean {
    return this.#low(of, END_FROM, 1) <= this.#low(of, WARM_FROM, WARM_UNTIL) * GROWTH + allowance;
  }

  /** The least in a window: what is left when garbage is not. */
  #low(of: 'heap' | 'resident', from: number, until: number): number {
    const within = this.#samples.filter(({ progress }) => progress >= from && progress <= until);
    return Math.min(...within.map((sample) => sample[of]));
  }
}

function inMib(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}
