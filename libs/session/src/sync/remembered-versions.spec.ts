import { describe, expect, it } from '@jest/globals';
import { RememberedVersions } from './remembered-versions.js';

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

  it('are forgotten after their time', () => {
    const versions = new RememberedVersions(1_000);
    versions.note('a', 3, 0);
    versions.note('b', 1, 1_001);
    expect(versions.isOutdated('a', 2, 1_001)).toBe(false);
  });

  it('hold everything to be late where there were too many to remember', () => {
    const versions = new RememberedVersions(1_000);
    for (let n = 0; n <= 100_000; n += 1) versions.note(`s${n}`, 2, 0);
    expect(versions.isOutdated('s0', 1, 500)).toBe(true);
    expect(versions.isOutdated('never-seen', 1, 500)).toBe(true);
    expect(versions.isOutdated('never-seen', 1, 1_000)).toBe(false);
  });
});
