import { describe, expect, it } from '@jest/globals';
import { Turns } from './turns.js';

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('turns', () => {
  it('are taken in the order of asking, by one at a time', async () => {
    const turns = new Turns();
    const order: number[] = [];
    let inside = 0;
    await Promise.all(
      [1, 2, 3, 4].map((n) =>
        turns.run('a', async () => {
          expect((inside += 1)).toBe(1);
          order.push(n);
          await settled();
          inside -= 1;
        }),
      ),
    );
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it('of different keys know nothing of each other', async () => {
    const turns = new Turns();
    await turns.take('a');
    expect(await turns.take('b')).toBeDefined();
  });

  it('go on after whoever throws', async () => {
    const turns = new Turns();
    const failing = turns.run('a', () => Promise.reject(new Error('mine')));
    const next = turns.run('a', () => Promise.resolve('next'));
    await expect(failing).rejects.toThrow('mine');
    expect(await next).toBe('next');
  });

  it('are given up by whoever has waited for long enough, and nobody waits for them', async () => {
    const turns = new Turns();
    const end = await turns.take('a');
    const impatient = turns.take('a', 5);
    const patient = turns.take('a', 10_000);
    expect(await impatient).toBe(undefined);
    end?.();
    end?.();
    expect(await patient).toBeDefined();
    const third = turns.take('a', 5);
    expect(await third).toBe(undefined);
  });
});
