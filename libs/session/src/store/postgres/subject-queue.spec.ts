import { describe, expect, it } from '@jest/globals';
import { SubjectQueue } from './subject-queue.js';

/** A piece of work that ends when it is told to. */
function piece(log: string[], name: string): { work: () => Promise<string>; end: () => void } {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return {
    work: async () => {
      log.push(`${name} begins`);
      await ended;
      log.push(`${name} ends`);
      return name;
    },
    end: () => {
      end();
    },
  };
}

describe('the admissions of one subject on a node', () => {
  it('follow each other, and do not wait for those of others', async () => {
    const queue = new SubjectQueue(1_000);
    const log: string[] = [];
    const [a, b, other] = [piece(log, 'a'), piece(log, 'b'), piece(log, 'other')];
    const all = [queue.run(1n, a.work), queue.run(1n, b.work), queue.run(2n, other.work)];
    other.end();
    a.end();
    b.end();
    expect(await Promise.all(all)).toEqual(['a', 'b', 'other']);
    expect(log.indexOf('b begins')).toBeGreaterThan(log.indexOf('a ends'));
    expect(log.indexOf('other begins')).toBeLessThan(log.indexOf('a ends'));
  });

  it('go on after one that fails', async () => {
    const queue = new SubjectQueue(1_000);
    const failing = queue.run(1n, () => Promise.reject(new Error('no')));
    const next = queue.run(1n, () => Promise.resolve('next'));
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('next');
  });

  it('are given up on after a while, and those behind still wait for the one in front', async () => {
    const queue = new SubjectQueue(20);
    const log: string[] = [];
    const [slow, late] = [piece(log, 'slow'), piece(log, 'late')];
    const first = queue.run(1n, slow.work);
    await expect(queue.run(1n, late.work)).rejects.toMatchObject({ code: 'SESSION_STORE_UNAVAILABLE' });
    const third = queue.run(1n, () => Promise.resolve(log.push('third begins')));
    slow.end();
    await first;
    await third;
    expect(log).toEqual(['slow begins', 'slow ends', 'third begins']);
  });
});
