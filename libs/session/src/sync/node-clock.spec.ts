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
    clock.observe(99_950, clocks.mono - 400);
    expect(clock.now()).toBe(100_001);
    clocks.mono += 300_000;
    // By now the clocks may have parted by more than the slow one can be wrong.
    clock.observe(399_950, clocks.mono - 400);
    expect(clock.now()).toBe(400_150);
  });

  it('believes a slow answer that a quick one cannot explain, as after a sleep of the machine', () => {
    const clocks = new Clocks();
    const clock = new NodeClock(clocks);
    clock.observe(100_000, clocks.mono - 2);
    clock.observe(28_900_000, clocks.mono - 400);
    expect(clock.now()).toBe(28_900_200);
  });

  it('[row 14] is not set back by an answer that waited in a process that was stopped', () => {
    const clocks = new Clocks();
    const clock = new NodeClock(clocks);
    clock.observe(100_000, clocks.mono);
    clocks.mono += 1_000;
    const askedAt = clocks.mono;
    const databaseTime = clock.now();
    clocks.mono += 31_000;
    clock.observe(databaseTime, askedAt);
    expect(Math.abs(clock.now() - 132_000)).toBeLessThan(100);
  });

  it('is not misled by a slow answer when no quick one has come for a while', () => {
    const clocks = new Clocks();
    const clock = new NodeClock(clocks);
    clock.observe(100_000, clocks.mono);
    clocks.mono += 40_000;
    // The database was quick, and the answer long on its way back.
    clock.observe(136_000, clocks.mono - 4_001);
    expect(Math.abs(clock.now() - 140_000)).toBeLessThan(100);
  });

  it('is never earlier than the earliest that it tells, however long ago the last answer came', () => {
    const clocks = new Clocks();
    const clock = new NodeClock(clocks);
    clock.observe(100_000, clocks.mono);
    clocks.mono += 3_600_000;
    // The database's clock ran slower by 100 ppm.
    expect(clock.earliest(clocks.mono)).toBeLessThanOrEqual(3_700_000 - 360);
  });

  it('follows a database whose answers have become slow', () => {
    const clocks = new Clocks();
    const clock = new NodeClock(clocks);
    clock.observe(100_000, clocks.mono);
    let database = 100_000;
    for (let second = 0; second < 3_600; second += 1) {
      clocks.mono += 1_000;
      database += 999.8;
      clock.observe(database - 100, clocks.mono - 200);
    }
    expect(Math.abs(clock.now() - database)).toBeLessThan(200);
  });

  it('takes in nothing that is no time', () => {
    const clock = new NodeClock(new Clocks());
    clock.observe(Number.NaN, 1_000);
    expect(clock.now()).toBe(50_000);
  });
});
