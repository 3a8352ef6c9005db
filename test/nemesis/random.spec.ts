import { describe, expect, it } from '@jest/globals';
import { seededRandom } from './random.js';

describe('random decisions', () => {
  const draws = (seed: number): number[] =>
    Array.from({ length: 50 }, () => 0).map(
      (
        (random) => () =>
          random.next()
      )(seededRandom(seed)),
    );

  it('are the same for the same seed, and others for another', () => {
    expect(draws(7)).toEqual(draws(7));
    expect(draws(7)).not.toEqual(draws(8));
    expect(draws(7).every((value) => value >= 0 && value < 1)).toBe(true);
  });

  it('of a fork do not depend on how often the origin was asked', () => {
    const origin = seededRandom(7);
    origin.next();
    expect(origin.fork('x').next()).toBe(seededRandom(7).fork('x').next());
    expect(origin.fork('x').next()).not.toBe(origin.fork('y').next());
  });

  it('shuffle without losing anything', () => {
    const items = [1, 2, 3, 4, 5, 6, 7, 8];
    expect(
      seededRandom(3)
        .shuffled(items)
        .toSorted((one, other) => one - other),
    ).toEqual(items);
    expect(seededRandom(3).shuffled(items)).not.toEqual(items);
  });
});
