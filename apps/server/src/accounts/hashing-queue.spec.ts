import { expect, it } from '@jest/globals';
import { HashingQueue } from './hashing-queue.js';

/** Work that ends when told. */
function work() {
  const running: (() => void)[] = [];
  return {
    running,
    start: () =>
      new Promise<string>((resolve) =>
        running.push(() => {
          resolve('done');
        }),
      ),
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('runs a few at a time and the others in the order in which they came', async () => {
  const queue = new HashingQueue(2, 10);
  const { running, start } = work();
  const order: number[] = [];
  const all = [0, 1, 2, 3].map((index) => queue.run(start).then(() => order.push(index)));
  await turn();
  for (let index = 0; index < 4; index += 1) {
    expect(running).toHaveLength(Math.min(4, index + 2));
    running[index]?.();
    await turn();
  }
  await Promise.all(all);
  expect(order).toEqual([0, 1, 2, 3]);
});

it('refuses when too many wait, and takes more once they are through', async () => {
  const queue = new HashingQueue(1, 1);
  const { running, start } = work();
  const taken = [queue.run(start), queue.run(start)];
  await expect(queue.run(start)).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS', statusCode: 429 });
  running[0]?.();
  await turn();
  running[1]?.();
  await expect(Promise.all(taken)).resolves.toEqual(['done', 'done']);
  await expect(queue.run(() => Promise.resolve('again'))).resolves.toBe('again');
});

it('goes on after a failure', async () => {
  const queue = new HashingQueue(1, 1);
  await expect(queue.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(queue.run(() => Promise.resolve('yes'))).resolves.toBe('yes');
});
