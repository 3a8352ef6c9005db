import type { CutOffScope, Issued, ReasonedCutOff } from '../core/cut-off.js';

/** Told of a cut-off that ends more than those before it. Synchronous, and must not throw. */
export type CutOffListener = (cutOff: ReasonedCutOff) => void;

/**
 * The cut-offs that this node knows of, compared by every check of a session in memory. Nothing is forgotten here until
 * the process ends: a cut-off that the database has lost or forgotten can only cover what is over.
 */
export class CutOffs {
  readonly #ordinary = new Moments();
  readonly #protected = new Moments();
  readonly #listeners = new Set<CutOffListener>();

  /** True where a cut-off ends the session, if it lives. Allocates nothing. */
  covers(session: Issued): boolean {
    return session.isProtected ? this.#protected.cover(session) : this.#ordinary.cover(session);
  }

  /** Takes in cut-offs, in any order and as often as they come. From here on no check admits what they cover. */
  apply(cutOffs: readonly ReasonedCutOff[]): void {
    for (const cutOff of cutOffs) {
      const { scope, notBefore, protectedNotBefore } = cutOff;
      const endsMore = this.#ordinary.raise(scope, notBefore);
      const endsMoreProtected = protectedNotBefore !== undefined && this.#protected.raise(scope, protectedNotBefore);
      if (!endsMore && !endsMoreProtected) continue;
      for (const listener of this.#listeners) listener(cutOff);
    }
  }

  /**
   * Calls `listener` for each cut-off that is applied from now on, whether made here or on another node: where sockets
   * and other things that outlive a request learn that they are over. The answer ends it.
   */
  onApplied(listener: CutOffListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}

/** The latest cut-off of each scope, for sessions of one kind. */
class Moments {
  /** No cut-off is later: what was created after it needs no look at the others. */
  #latest = Number.NEGATIVE_INFINITY;
  #everybody = Number.NEGATIVE_INFINITY;
  /** By tenant; `null` for those without one. */
  readonly #tenants = new Map<string | null, number>();
  /** By user id, in any tenant. */
  readonly #users = new Map<string, number>();
  /** By tenant and then by user. */
  readonly #subjects = new Map<string | null, Map<string, number>>();

  cover({ createdAt, tenantId, userId }: Issued): boolean {
    if (createdAt > this.#latest) return false;
    if (createdAt <= this.#everybody) return true;
    return (
      isBy(this.#tenants, tenantId, createdAt) ||
      isBy(this.#users, userId, createdAt) ||
      (this.#subjects.size > 0 && isBy(this.#subjects.get(tenantId), userId, createdAt))
    );
  }

  /** False where the same scope has a later one. */
  raise(scope: CutOffScope, notBefore: number): boolean {
    if (!this.#raiseOne(scope, notBefore)) return false;
    this.#latest = Math.max(this.#latest, notBefore);
    return true;
  }

  #raiseOne({ tenantId, userId }: CutOffScope, notBefore: number): boolean {
    if (tenantId === undefined) {
      if (userId !== undefined) return raise(this.#users, userId, notBefore);
      if (notBefore <= this.#everybody) return false;
      this.#everybody = notBefore;
      return true;
    }
    if (userId === undefined) return raise(this.#tenants, tenantId, notBefore);
    const users = this.#subjects.get(tenantId) ?? new Map<string, number>();
    this.#subjects.set(tenantId, users);
    return raise(users, userId, notBefore);
  }
}

function isBy<K>(moments: ReadonlyMap<K, number> | undefined, key: K, createdAt: number): boolean {
  if (moments === undefined || moments.size === 0) return false;
  const notBefore = moments.get(key);
  return notBefore !== undefined && createdAt <= notBefore;
}

function raise<K>(moments: Map<K, number>, key: K, notBefore: number): boolean {
  const present = moments.get(key);
  if (present !== undefined && present >= notBefore) return false;
  moments.set(key, notBefore);
  return true;
}
