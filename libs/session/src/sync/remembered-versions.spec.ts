import { describe, expect, it } from '@jest/globals';
import { RememberedVersions } from './remembered-versions.js';
import { cpuTimeOf } from '../../../../test/support/cpu-time.js';

describe('remembered versions', () => {
  it('tell an older record from the current and from a newer one', () => {
    const versions = new RememberedVersions(1_000);
    versions.note('a', 3, 0);
    expect([2, 3, 4].map((version) => versions.isOutdated('a', version, 10))).toEqual([true, false, false]);
    expect(versions.isOutdated('b', 1, 10)).toBe(false);
  });

  it('never go back', () => {
    const versions = new RememberedVersions(1_000);
    versions.note('a', 3, 0);
    versions.note('a', 2, 1);
    expect(versions.isOutdated('a', 2, 2)).toBe(true);
  });

  it('are remembered for their time, and forgotten before three times as long has passed', () => {
    const versions = new RememberedVersions(1_000);
    versions.note('a', 3, 0);
    for (const at of [1_001, 2_002]) {
      expect(versions.isOutdated('a', 2, at - 1)).toBe(true);
      versions.note('b', 2, at);
    }
    expect(versions.isOutdated('a', 2, 2_002)).toBe(false);
  });

  it('[row 23] hold a record to be late that was asked for before what has been forgotten by now', () => {
    const versions = new RememberedVersions(1_000);
    versions.note('a', 3, 10);
    for (const at of [5_000, 10_000, 15_000]) versions.note('b', 2, at);
    expect(versions.isOutdated('a', 2, 5)).toBe(true);
  });

  it('cost no more in a bulk than one by one', () => {
    const versions = new RememberedVersions(1_000_000);
    const took = cpuTimeOf(() => {
      for (let n = 0; n < 300_000; n += 1) versions.note(`s${n}`, 2, n);
    });
    // Below a second on any machine; it was twenty where the oldest was looked for each time.
    expect(took).toBeLessThan(3_000);
    expect(versions.size).toBeLessThanOrEqual(200_000);
  });

  it('hold everything to be late where there were too many to remember', () => {
    const versions = new RememberedVersions(1_000);
    for (let n = 0; n <= 200_000; n += 1) versions.note(`s${n}`, 2, 0);
    expect(versions.isOutdated('s0', 1, 500)).toBe(true);
    expect(versions.isOutdated('never-seen', 1, 500)).toBe(true);
    expect(versions.isOutdated('never-seen', 1, 1_000)).toBe(false);
  });
});
