import { describe, expect, it } from '@jest/globals';
import { NodeClock } from './node-clock.js';

class Clocks {
  mono = 1_000;
  wallClock = 50_000;
  monotonic = () => this.mono;
  wall = () => this.wallClock;
}

describe("a node's clock", () => {
  it('shows the time of the database, whatever the node believes', () => {
    const clocks = new Clocks();
    const clock = new NodeClock(clocks);
    expect(clock.now()).toBe(50_000);
    const askedAt = clocks.mono;
    clocks.mono += 10;
    clock.observe(350_000, askedAt);
    expect(clock.now()).toBe(350_005);
    clocks.mono += 1_000;
    clocks.wallClock -= 300_000;
    expect(clock.now()).toBe(351_005);
  });

  it('prefers a quick answer over a slow one, until the quick one is old', () => {
    const clocks = new Clocks();
    const clock = new NodeClock(clocks);
    clock.observe(100_000, clocks.mono - 2);
    clock.observe(100_150, clocks.mono - 400);
    expect(clock.now()).toBe(100_001);
    clocks.mono += 31_000;
    clock.observe(131_150, clocks.mono - 400);
    expect(clock.now()).toBe(131_350);
  });

  it('believes a slow answer that a quick one cannot explain, as after a sleep of the machine', () => {
    const clocks = new Clocks();
    const clock = new NodeClock(clocks);
    clock.observe(100_000, clocks.mono - 2);
    clock.observe(28_900_000, clocks.mono - 400);
    expect(clock.now()).toBe(28_900_200);
  });

  it('takes in nothing that is no time', () => {
    const clock = new NodeClock(new Clocks());
    clock.observe(Number.NaN, 1_000);
    expect(clock.now()).toBe(50_000);
  });
});
