import type { LockStore } from '../../store/lock-store.js';

/** A lock as whoever works under it has it. */
export interface HeldLock {
  /** Aborted when the lock is lost: what goes on after that is protected no more. */
  readonly signal: AbortSignal;
  /**
   * Higher than that of everybody who held the lock before. What is written elsewhere can keep it and refuse a lower one:
   * the only protection against a process that was stopped for longer than its lease and does not know it yet.
   */
  readonly token: number;
}

/** What a lock is lost to, beside the end of `holdMs`. */
export type LossReason = 'hold_time_over' | 'not_renewed';

export interface LeaseTerms {
  readonly key: string;
  readonly holder: string;
  readonly leaseMs: number;
  readonly holdMs: number;
}

/** How many times a lease is renewed before it would end: two renewals may fail. */
const RENEWALS = 3;

/**
 * Keeps a lock by renewing its lease until `holdMs` are over. Time counts on this process's clock from before the database
 * was asked, so that the lock is given up here before it is free there.
 */
export class LeaseKeeper implements HeldLock {
  readonly #abort = new AbortController();
  /** Rejects with what `lost` makes of it; never resolves. */
  readonly lost: Promise<never>;
  #reject: (error: Error) => void = () => undefined;
  readonly #endsAt: number;
  #heldUntil: number;
  #expiry: NodeJS.Timeout | undefined;
  #renewal: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(
    readonly token: number,
    askedAt: number,
    private readonly terms: LeaseTerms,
    private readonly store: Pick<LockStore, 'renewLock'>,
    private readonly monotonic: () => number,
    private readonly lossOf: (reason: LossReason) => Error,
  ) {
    this.lost = new Promise<never>((_, reject) => {
      this.#reject = reject;
    });
    // Whoever is done does not wait for it.
    this.lost.catch(() => undefined);
    this.#endsAt = askedAt + terms.holdMs;
    this.#heldUntil = Math.min(askedAt + terms.leaseMs, this.#endsAt);
    this.#watch();
    this.#renewLater();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Throws where the lock is lost, also where nobody could be told of it yet. */
  confirm(): void {
    if (this.monotonic() >= this.#heldUntil) this.#lose();
    this.#abort.signal.throwIfAborted();
  }

  /** Renews nothing any more. */
  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#expiry);
    clearTimeout(this.#renewal);
  }

  #watch(): void {
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(
      () => {
        this.#lose();
      },
      Math.max(0, this.#heldUntil - this.monotonic()),
    );
  }

  #renewLater(): void {
    if (this.#isOver || this.#heldUntil >= this.#endsAt) return;
    this.#renewal = setTimeout(() => void this.#renew(), this.terms.leaseMs / RENEWALS);
  }

  async #renew(): Promise<void> {
    const { key, holder, leaseMs } = this.terms;
    const askedAt = this.monotonic();
    const forMs = Math.ceil(Math.min(leaseMs, this.#endsAt - askedAt));
    // Without an answer the lease may still end in time for the next attempt.
    const isRenewed = await this.store.renewLock(key, holder, forMs).catch(() => undefined);
    if (this.#isOver) return;
    if (isRenewed === false) this.#lose();
    if (isRenewed === true) {
      this.#heldUntil = askedAt + forMs;
      this.#watch();
    }
    this.#renewLater();
  }

  #lose(): void {
    if (this.#isOver) return;
    this.stop();
    const error = this.lossOf(this.monotonic() >= this.#endsAt ? 'hold_time_over' : 'not_renewed');
    this.#abort.abort(error);
    this.#reject(error);
  }
}
