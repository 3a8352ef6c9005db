interface StoredLock {
  readonly holder: string;
  readonly token: number;
  readonly expiresAt: number;
}

/** Leases in memory. */
export class StoredLocks {
  readonly #locks = new Map<string, StoredLock>();
  #token = 0;

  acquire(key: string, holder: string, leaseMs: number, now: number): number | undefined {
    const present = this.#heldAt(key, now);
    if (present !== undefined && present.holder !== holder) return undefined;
    const token = present?.token ?? (this.#token += 1);
    this.#locks.set(key, { holder, token, expiresAt: now + leaseMs });
    return token;
  }

  renew(key: string, holder: string, leaseMs: number, now: number): boolean {
    const present = this.#heldAt(key, now);
    if (present?.holder !== holder) return false;
    this.#locks.set(key, { ...present, expiresAt: now + leaseMs });
    return true;
  }

  release(key: string, holder: string): void {
    if (this.#locks.get(key)?.holder === holder) this.#locks.delete(key);
  }

  forget(limit: number, now: number): number {
    const old = [...this.#locks].filter(([, { expiresAt }]) => expiresAt <= now).slice(0, limit);
    for (const [key] of old) this.#locks.delete(key);
    return old.length;
  }

  #heldAt(key: string, now: number): StoredLock | undefined {
    const present = this.#locks.get(key);
    return present !== undefined && present.expiresAt > now ? present : undefined;
  }
}
