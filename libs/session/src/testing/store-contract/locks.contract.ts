import { randomUUID } from 'node:crypto';
import { keepsLocks, type LockStore } from '../../store/lock-store.js';
import type { ContractPart, StoreTrial } from './store-trial.js';

const LONG_MS = 60_000;

/** Locks, for stores that keep them. */
export const locksContract: ContractPart = (trial, { describe, it, expect }) => {
  const someKey = () => `test:${randomUUID()}`;

  describe('a lock', () => {
    it('is taken by one of many at once', async () => {
      const store = storeOf(trial);
      if (store === undefined) return;
      const key = someKey();
      const tokens = await Promise.all([1, 2, 3, 4, 5, 6].map(() => store.acquireLock(key, randomUUID(), LONG_MS)));
      expect(tokens.filter((token) => token !== undefined).length).toBe(1);
    });

    it('is free once it is given back, and every holder gets a higher token', async () => {
      const store = storeOf(trial);
      if (store === undefined) return;
      const key = someKey();
      let last = 0;
      for (let n = 0; n < 4; n += 1) {
        const holder = randomUUID();
        const token = await store.acquireLock(key, holder, LONG_MS);
        expect(token).toBeGreaterThan(last);
        last = token ?? 0;
        await store.releaseLock(key, holder);
      }
    });

    it('that is asked for again by its holder is the same', async () => {
      const store = storeOf(trial);
      if (store === undefined) return;
      const [key, holder] = [someKey(), randomUUID()];
      const token = await store.acquireLock(key, holder, LONG_MS);
      expect(await store.acquireLock(key, holder, LONG_MS)).toBe(token);
    });

    it('is given back and renewed by nobody but its holder', async () => {
      const store = storeOf(trial);
      if (store === undefined) return;
      const [key, holder, other] = [someKey(), randomUUID(), randomUUID()];
      await store.acquireLock(key, holder, LONG_MS);
      await store.releaseLock(key, other);
      expect(await store.renewLock(key, other, LONG_MS)).toBe(false);
      expect(await store.acquireLock(key, other, LONG_MS)).toBe(undefined);
      expect(await store.renewLock(key, holder, LONG_MS)).toBe(true);
      expect(await store.renewLock(someKey(), holder, LONG_MS)).toBe(false);
    });

    it('is free when its lease is over, and lost then', async () => {
      const store = storeOf(trial);
      if (store === undefined) return;
      const [key, holder, other] = [someKey(), randomUUID(), randomUUID()];
      await store.acquireLock(key, holder, 20);
      await store.renewLock(key, holder, 40);
      await trial.pass(60);
      expect(await store.renewLock(key, holder, LONG_MS)).toBe(false);
      expect((await store.acquireLock(key, other, LONG_MS)) !== undefined).toBe(true);
      await store.releaseLock(key, holder);
      expect(await store.acquireLock(key, holder, LONG_MS)).toBe(undefined);
    });

    it('is not forgotten while it is held', async () => {
      const store = storeOf(trial);
      if (store === undefined) return;
      const key = someKey();
      await store.acquireLock(key, randomUUID(), LONG_MS);
      await store.forgetLocks(10_000);
      expect(await store.acquireLock(key, randomUUID(), LONG_MS)).toBe(undefined);
    });
  });
};

function storeOf({ store }: StoreTrial): LockStore | undefined {
  return keepsLocks(store) ? store : undefined;
}
