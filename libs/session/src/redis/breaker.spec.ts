import { beforeEach, describe, expect, it } from '@jest/globals';
import { Breaker } from './breaker.js';

let now: number;
let breaker: Breaker;

beforeEach(() => {
  now = 0;
  breaker = new Breaker(
    () => now,
    () => 1,
  );
});

describe('a breaker', () => {
  it('admits everybody while nothing has failed', () => {
    expect([breaker.admits(), breaker.admits()]).toEqual([true, true]);
  });

  it('admits nobody after a failure, then one, whose outcome decides', () => {
    breaker.failed();
    now = 99;
    expect(breaker.admits()).toBe(false);
    now = 100;
    expect([breaker.admits(), breaker.admits()]).toEqual([true, false]);
    breaker.succeeded();
    expect([breaker.admits(), breaker.admits()]).toEqual([true, true]);
  });

  it('takes failures of one moment for one, and pauses longer with each later one, up to two seconds', () => {
    for (let n = 0; n < 100; n += 1) breaker.failed();
    const pauses: number[] = [];
    for (let n = 0; n < 7; n += 1) {
      const from = now;
      while (!breaker.admits()) now += 1;
      breaker.failed();
      pauses.push(now - from);
    }
    expect(pauses).toEqual([100, 200, 400, 800, 1_600, 2_000, 2_000]);
  });
});
