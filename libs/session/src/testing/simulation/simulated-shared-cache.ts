import type { SharedSession, SharedSessionCache } from '../../cache/shared-session-cache.js';
import type { SimulatedProcess } from './simulated-scheduler.js';
import type { SimulatedWorld } from './simulated-world.js';

/** How long a node waits for an answer. */
const DEADLINE_MS = 200;

/** A Redis that all nodes share: it may be flushed, stand still, write late, and keep values for longer than asked. */
export class SimulatedRedis {
  readonly #values = new Map<string, { readonly session: SharedSession; readonly until: number }>();
  #stalledUntil = Number.NEGATIVE_INFINITY;
  #lateUntil = Number.NEGATIVE_INFINITY;

  constructor(private readonly world: SimulatedWorld) {}

  flush(): void {
    this.#values.clear();
  }

  /** Answers nothing for so long, and then everything. */
  stall(forMs: number): void {
    this.#stalledUntil = this.world.now + forMs;
  }

  /** For so long writes take seconds or are lost, and what has run out stays. */
  disturb(forMs: number): void {
    this.#lateUntil = this.world.now + forMs;
  }

  heal(): void {
    this.#stalledUntil = Number.NEGATIVE_INFINITY;
    this.#lateUntil = Number.NEGATIVE_INFINITY;
  }

  read(id: string): SharedSession | undefined {
    const value = this.#values.get(id);
    return value === undefined || (value.until < this.world.now && !this.#isLate()) ? undefined : value.session;
  }

  /** The script: writes only what is newer. */
  write(session: SharedSession, lifetimeMs: number): void {
    const present = this.#values.get(session.record.id)?.session;
    if (present !== undefined && present.record.version > session.record.version) return;
    if (present?.record.version === session.record.version && present.asOf >= session.asOf) return;
    this.#values.set(session.record.id, { session, until: this.world.now + lifetimeMs });
  }

  /** What a node sees of it. */
  clientOf(process: SimulatedProcess, timer: (task: () => void, delayMs: number) => () => void): SharedSessionCache {
    const { scheduler } = this.world;
    return {
      get: (id) =>
        new Promise((resolve) => {
          const cancel = timer(() => {
            resolve(undefined);
          }, DEADLINE_MS);
          scheduler.schedule(this.world.outside, this.#delay(), () => {
            const found = this.read(id);
            scheduler.schedule(process, this.world.hop(), () => {
              cancel();
              resolve(found);
            });
          });
        }),
      put: (session, lifetimeMs) => {
        const isLate = this.#isLate();
        if (isLate && this.world.random.chance(0.3)) return;
        const delayMs = isLate ? this.world.random.between(0, 6_000) : this.#delay();
        scheduler.schedule(this.world.outside, delayMs, () => {
          this.write(session, lifetimeMs);
        });
      },
    };
  }

  #delay(): number {
    return Math.max(0, this.#stalledUntil - this.world.now) + this.world.hop();
  }

  #isLate(): boolean {
    return this.world.now < this.#lateUntil;
  }
}
